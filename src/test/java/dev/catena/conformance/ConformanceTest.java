package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every list of problems on every device of this machine. */
class ConformanceTest {
  @TestFactory
  @Tag("slow")
  Stream<DynamicTest> everyEngineSolvesEveryProblem() {
    return Device.available().stream()
        .flatMap(
            device ->
                Suite.lists().stream()
                    .map(
                        list ->
                            DynamicTest.dynamicTest(
                                device + ": " + list, () -> check(device, Suite.list(list)))));
  }

  /** The first case of each operation. */
  @TestFactory
  @Tag("quick")
  Stream<DynamicTest> everyEngineSolvesOneProblemOfEachOperation() {
    Map<String, String> first = new LinkedHashMap<>();
    Suite.all().lines().forEach(l -> first.putIfAbsent(l.substring(0, l.indexOf(' ')), l));
    return Device.available().stream()
        .flatMap(
            device ->
                first.values().stream()
                    .map(
                        line ->
                            DynamicTest.dynamicTest(
                                device + ": " + line, () -> check(device, Suite.problem(line)))));
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

  private static void check(String id, Suite suite) {
    List<Outcome> outcomes = new ArrayList<>();
    try (Device device = Device.open(id)) {
      suite.run(device, _ -> true, outcomes::add);
    }
    String failures =
        outcomes.stream()
            .filter(o -> o.verdict() == Outcome.Verdict.FAILED)
            .map(o -> o.engine() + ": " + o.why() + "\n  " + o.command())
            .collect(Collectors.joining("\n"));
    assertEquals("", failures);
  }
}
