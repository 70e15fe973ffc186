package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void alignsTextsLeftAndQuantitiesRight() {
    Table table =
        new Table("variant", "planned", "launches", "time", "note")
            .row("unfused", Table.bytes(11_166_914_970L), Table.count(1207), Table.millis(53.1), "")
            .row("in-place", Table.bytes(1 << 20), Table.count(7), Table.none(), "é😀")
            .row("fused", Table.number("3.1 %"), Table.count(0), Table.millis(0.004), "a b");
    assertEquals(
        """
        variant     planned  launches      time  note
        ─────────────────────────────────────────────
        unfused   10.40 GiB     1,207  53.10 ms
        in-place   1.00 MiB         7         –  é😀
        fused         3.1 %         0   4.00 µs  a b
        """,
        table.toString());
  }

  @Test
  void showsHeadingsAlone() {
    assertEquals("a  bc\n─────\n", new Table("a", "bc").toString());
  }

  @Test
  void refusesRowsOfAnotherLength() {
    assertThrows(IllegalArgumentException.class, () -> new Table("a", "b").row("x"));
  }
}
