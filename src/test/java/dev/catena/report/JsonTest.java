package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JsonTest {
  private record Size(long peakBytes, Double share) {}

  private record Row(
      @Json.Name("class") int index,
      @Json.Inline Size size,
      @Json.Inline Optional<Size> noSize,
      Optional<String> absent,
      Optional<String> present,
      List<Float> losses) {}

  @Test
  void recordsAreObjects() throws Exception {
    Row row =
        new Row(
            3,
            new Size(7, null),
            Optional.empty(),
            Optional.empty(),
            Optional.of("é"),
            Arrays.asList(1.5f, Float.NaN, null));
    assertEquals(
        """
        {
          "class" : 3,
          "peak_bytes" : 7,
          "share" : null,
          "present" : "\\u00E9",
          "losses" : [ 1.5, null, null ]
        }
        """,
        Json.text(row));
    assertEquals(List.of("peak_bytes", "share"), List.copyOf(Json.fields(row.size).keySet()));
    assertEquals("{ }\n", Json.text(Map.of()));
  }
}
