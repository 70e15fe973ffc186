package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Step;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProblemLineTest {
  @Test
  void everyCaseOfTheListsIsReadBack() {
    Suite.all().problems().forEach(ProblemLineTest::assertReadBack);
  }

  @Test
  void everyStepOfAModelIsReadBack() {
    try (Device device = Device.open("host");
        Model model = Models.get("densenet121")) {
      for (Variant variant : Variant.values()) {
        Inference options = Inference.batch(2).dtype(DType.BF16).variant(variant);
        for (Step step : model.steps(device, options)) {
          assertReadBack(step.problem());
        }
      }
    }
  }

  private static void assertReadBack(Problem problem) {
    String line = ProblemLine.of(problem);
    Problem read = Suite.problem(line).problems().getFirst();
    if (problem.op() instanceof Op.Copy) { // The reason is not in the line.
      read = new Problem(problem.op(), read.inputs(), read.output());
    }
    assertEquals(problem, read, line);
  }

  @Test
  void whatTheListsDoNotHaveIsDescribed() {
    Operand x = Operand.packed(Shape.of(1, 2, 2, 8), DType.FP16);
    String line = ProblemLine.of(new Problem(new Op.Dropout(0.5f), List.of(x), x));
    assertTrue(line.contains("Dropout") && line.contains("1x2x2x8"), line);
  }
}
