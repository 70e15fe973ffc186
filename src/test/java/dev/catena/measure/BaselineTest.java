package dev.catena.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.engine.Timing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BaselineTest {
  @TempDir private Path folder;

  @Test
  void timesAreFoundByTheirKeysHoweverDeep() throws IOException {
    Baseline baseline =
        read(
            """
            {"device": {"name": "a"}, "kernels": [
              {"key": "one", "median_us": 12.5, "spread_us": 1, "engines": [
                {"name": "x", "median_us": 3, "spread_us": 0.5}]},
              {"more": {"key": "two", "spread_us": 0, "median_us": 7}},
              {"key": "no time"}, {"key": 3, "median_us": 1, "spread_us": 1}]}
            """);
    assertEquals(2, baseline.size());
    assertEquals(12.5, baseline.time("one").orElseThrow().micros());
    assertEquals(0, baseline.time("two").orElseThrow().spread());
    assertTrue(baseline.time("no time").isEmpty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "{\"key\": ", "[1, 2", "garbage", "{\"a\" \"b\"}"})
  void whatIsNoJsonIsNamed(String garbage) {
    IOException e = assertThrows(IOException.class, () -> read(garbage));
    assertTrue(e.getMessage().contains("old.json"), e.getMessage());
  }

  @Test
  void aFileWithoutTimesHasNone() throws IOException {
    for (String empty : new String[] {"", "[]", "3", "{}", "[[{}], null]"}) {
      assertEquals(0, read(empty).size());
    }
  }

  @Test
  void slowerIsWhatTheNoiseOfBothDoesNotExplain() {
    Timing old = new Timing(10, 9, 1, 9);
    assertFalse(new Timing(12, 11, 1, 9).slowerThan(old));
    assertTrue(new Timing(12.1, 11, 1, 9).slowerThan(old));
    assertFalse(new Timing(5, 4, 0, 9).slowerThan(old));
  }

  @Test
  void theMedianAndWhatLiesAroundIt() {
    Timing timing = Timing.of(5, 1, 2, 100, 3, 4, 6, 7, 8, 9, 10);
    assertEquals(6, timing.micros());
    assertEquals(1, timing.least());
    assertEquals(4, timing.spread(), "the outermost tenths do not count");
  }

  private Baseline read(String json) throws IOException {
    return Baseline.read(Files.writeString(folder.resolve("old.json"), json));
  }
}
