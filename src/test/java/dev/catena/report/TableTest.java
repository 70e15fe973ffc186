package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class TableTest {
  private record Row(
      String variant, long planned, long launches, double ms, Double share, String note) {}

  private static final List<Row> ROWS =
      List.of(
          new Row("unfused", 11_166_914_970L, 1207, 53.1, null, "a long note in words"),
          new Row("in-place", 1 << 20, 7, 0.004, 3.14, "é😀"),
          new Row("fused", 0, 0, 53.1, 0.1, ""));
  private static final Table<Row> TABLE =
      Table.of(ROWS)
          .text("variant", Row::variant)
          .bytes("planned", Row::planned)
          .count("launches", Row::launches)
          .millis("time", Row::ms)
          .number("share", "%.1f %%", Row::share)
          .text("note", Row::note);

  @Test
  void alignsTextsLeftAndQuantitiesRight() {
    assertEquals(
        """
        variant     planned  launches      time  share  note
        ────────────────────────────────────────────────────────────────────
        unfused   10.40 GiB     1,207  53.10 ms      –  a long note in words
        in-place   1.00 MiB         7   4.00 µs  3.1 %  é😀
        fused           0 B         0  53.10 ms  0.1 %
        """,
        TABLE.toString());
    assertEquals(TABLE.toString(), TABLE.text(68, "launches"));
  }

  @Test
  void leavesColumnsOutUntilItFits() {
    assertEquals(
        """
        variant   launches      time
        ────────────────────────────
        unfused      1,207  53.10 ms
        in-place         7   4.00 µs
        fused            0  53.10 ms
        --wide also shows: planned
        """,
        Table.of(ROWS)
            .text("variant", Row::variant)
            .bytes("planned", Row::planned)
            .count("launches", Row::launches)
            .millis("time", Row::ms)
            .text(28, "planned", "launches"));
  }

  @Test
  void longTextsStandBelow() {
    assertEquals(
        """
        variant     planned      time
        ─────────────────────────────
        unfused   10.40 GiB  53.10 ms
            a long note in words
        in-place   1.00 MiB   4.00 µs
            é😀
        fused           0 B  53.10 ms

        --wide also shows: launches,
          share
        """,
        TABLE
            .text(30, "launches", "share")
            .lines()
            .map(String::stripTrailing)
            .collect(Collectors.joining("\n", "", "\n")));
  }

  @Test
  void columnsWithoutAValueAreLeftOutFirst() {
    Table<String> table = Table.of(List.of("a")).count("count", String::length);
    table.number("none", "%s", _ -> null);
    assertEquals("count  none\n───────────\n    1     –\n", table.text(11));
    assertEquals("count\n─────\n    1\n", table.text(10, "count"));
  }

  @Test
  void showsHeadingsAlone() {
    Table<String> empty = Table.<String>of(List.of()).text("a", s -> s).text("bc", s -> s);
    assertEquals("a  bc\n─────\n", empty.toString());
  }
}
