package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every list of problems on every device of this machine. */
class ConformanceTest {
  @TestFactory
  Stream<DynamicTest> everyEngineSolvesEveryProblem() {
    return Device.available().stream()
        .flatMap(
            device ->
                Suite.lists().stream()
                    .map(
                        list ->
                            DynamicTest.dynamicTest(
                                device + ": " + list, () -> check(device, list))));
  }

  @Test
  void aProblemThatNobodyComputesFails() {
    Outcome outcome = onKernels("relu 65536x256x256x4 dtype=f16 data=exact");
    assertEquals(Outcome.Verdict.FAILED, outcome.verdict());
    assertTrue(outcome.why().contains("no engine of our own"), outcome.why());
    Outcome tiled = onKernels("dense-layer 1x2x3x16 bottleneck=16 k=8 dtype=f32 data=exact");
    assertEquals(Outcome.Verdict.UNSUPPORTED, tiled.verdict());
  }

  private static Outcome onKernels(String line) {
    List<Outcome> outcomes = new ArrayList<>();
    try (Device device = Device.open("host")) {
      Suite.problem(line).run(device, "kernel"::equals, outcomes::add);
    }
    return outcomes.getFirst();
  }

  private static void check(String id, String list) {
    List<Outcome> outcomes = new ArrayList<>();
    try (Device device = Device.open(id)) {
      Suite.list(list).run(device, _ -> true, outcomes::add);
    }
    String failures =
        outcomes.stream()
            .filter(o -> o.verdict() == Outcome.Verdict.FAILED)
            .map(o -> o.engine() + ": " + o.why() + "\n  " + o.command())
            .collect(Collectors.joining("\n"));
    assertEquals("", failures);
  }
}
