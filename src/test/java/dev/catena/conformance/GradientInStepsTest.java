package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.engine.Engine;
import dev.catena.engine.GradientInSteps;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelEngine;
import dev.catena.graph.DType;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Steps around cuDNN's gradients, with our own kernels in its place. */
class GradientInStepsTest {
  private static final Engine ENGINE =
      new GradientInSteps(KernelEngine.direct(), KernelEngine.matrix(), 1 << 20);

  @Test
  void giveWhatOneKernelGives() {
    List<String> wrong = new ArrayList<>();
    int through = 0;
    int onto = 0;
    try (Device device = Device.open("host")) {
      for (String line : Suite.list("convolution-gradients").lines()) {
        for (Case one : Case.parse(line)) {
          Optional<Offers.Some> offers = ENGINE.offers(one.problem(), device).some();
          if (offers.isPresent()) {
            Trial.run(device, offers.get().preferred(), new Answer(one))
                .ifPresent(why -> wrong.add(line + ": " + why));
            through += one.problem().op() instanceof TrainingOp.ConvWgrad ? 1 : 0;
            onto += one.problem().op() instanceof TrainingOp.ConvDgrad ? 1 : 0;
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(through > 3 && onto > 3, through + " and " + onto);
  }

  @Test
  void nothingIsRoundedBetweenThem() {
    Problem half =
        Suite.list("convolution-gradients").problems().stream()
            .filter(
                p -> p.op() instanceof TrainingOp.ConvWgrad w && w.conv().prologue().ordinal() > 0)
            .filter(p -> p.input(0).dtype() == DType.FP16)
            .findFirst()
            .orElseThrow();
    assertTrue(refusal(ENGINE, half).contains("rounded"));
  }

  @Test
  void theValueBetweenThemMayNotBeLarge() {
    Engine poor = new GradientInSteps(KernelEngine.direct(), KernelEngine.matrix(), 100);
    Problem single =
        Suite.list("convolution-gradients").problems().stream()
            .filter(p -> refusal(ENGINE, p).isEmpty())
            .findFirst()
            .orElseThrow();
    assertTrue(refusal(poor, single).contains("more than 100"));
  }

  private static String refusal(Engine engine, Problem problem) {
    try (Device device = Device.open("host")) {
      return engine.offers(problem, device).refusal().orElse("");
    }
  }
}
