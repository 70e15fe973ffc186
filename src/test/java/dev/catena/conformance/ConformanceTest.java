package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
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
    // A dense layer in one launch is an engine's choice; everything else somebody must do.
    boolean solved = outcomes.stream().anyMatch(o -> o.verdict() == Outcome.Verdict.PASSED);
    assertTrue(solved || list.equals("dense-layers"), "no engine solves anything of " + list);
  }
}
