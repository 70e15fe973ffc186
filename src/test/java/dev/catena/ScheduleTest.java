package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "constant; 0; 1",
        "constant; 99; 1",
        "step; 49; 1",
        "step; 50; 0.1",
        "step; 75; 0.01",
        "step:0.2:0.5; 19; 1",
        "step:0.2:0.5; 20; 0.5",
        "step:0.2,0.2; 20; 0.01",
        "cosine; 0; 1",
        "cosine; 50; 0.5",
        "cosine; 25; 0.8535533905932737",
        "warmup:0.04+constant; 0; 0.2",
        "warmup:0.04+constant; 3; 0.8",
        "warmup:0.04+constant; 4; 1",
        "warmup:0.2+cosine; 20; 1",
        "warmup:0.2+cosine; 60; 0.5",
        "warmup:0+step; 50; 0.1",
      })
  void isWhatItsFormulaSays(String text, long step, double factor) {
    assertEquals(factor, Schedule.parse(text).factor(step, 100), 1e-12);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "cos",
        "step:",
        "step:a",
        "step:0.5:",
        "step:1.5",
        "step:0.5:0",
        "step:NaN",
        "step:0.5:0.1:1",
        "warmup:0.1",
        "warmup:2+cosine",
        "warmup+cosine",
        "cosine+warmup:0.1",
        "constant:1"
      })
  void refusesOtherTexts(String text) {
    var error = assertThrows(IllegalArgumentException.class, () -> Schedule.parse(text));
    assertTrue(
        error.getMessage().matches("there is no schedule '.*|.* is no share .*|a rate cannot .*"),
        error.getMessage());
  }
}
