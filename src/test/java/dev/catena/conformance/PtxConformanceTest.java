package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.catena.device.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The PTX of this build, interpreted and judged: a finding is a failure of the case it shows in.
 */
class PtxConformanceTest {
  @ParameterizedTest
  @ValueSource(ints = {75, 80, 90})
  void aCaseOfEachOperationPasses(int capability) {
    Map<String, String> lines = new LinkedHashMap<>();
    for (String line : Suite.all().lines()) {
      lines.putIfAbsent(line.substring(0, line.indexOf(' ')), line);
    }
    List<Outcome> outcomes = new ArrayList<>();
    try (Device device = Device.open("ptx:" + capability)) {
      for (String line : lines.values()) {
        Suite.problem(line).run(device, _ -> true, outcomes::add);
      }
    }
    assertNoFailure(outcomes);
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(ints = {80, 90})
  void everyCasePasses(int capability) {
    List<Outcome> outcomes = new ArrayList<>();
    // Both run the PTX of compute_80. Its tiles need one test; the engine's own choice depends on
    // shared memory and is tested on both.
    Predicate<String> chosen = capability == 90 ? _ -> true : "kernel"::equals;
    try (Device device = Device.open("ptx:" + capability)) {
      Suite.all().run(device, chosen, outcomes::add);
    }
    assertNoFailure(outcomes);
  }

  private static void assertNoFailure(List<Outcome> outcomes) {
    assertFalse(outcomes.isEmpty());
    assertEquals(
        "",
        outcomes.stream()
            .filter(o -> o.verdict() == Outcome.Verdict.FAILED)
            .map(o -> o.engine() + ": " + o.why() + "\n  " + o.command())
            .collect(Collectors.joining("\n")));
  }
}
