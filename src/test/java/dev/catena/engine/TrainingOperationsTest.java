package dev.catena.engine;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pieces;
import dev.catena.rewrite.Policy;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingOperationsTest {
  /** What nobody computes yet is refused by name. */
  @Test
  void areRefusedByName() {
    Graph step = Policy.FUSED.step(Pieces.tinyDenseNet(), new LowerTraining(0.1f, 0));
    List<Node> training = step.steps().stream().filter(n -> n.op() instanceof TrainingOp).toList();
    assertFalse(training.isEmpty());
    for (Node node : training) {
      List<Operand> inputs = node.inputs().stream().map(TrainingOperationsTest::operand).toList();
      Problem problem = new Problem(node.op(), inputs, operand(node.output()));
      String name = node.op().getClass().getSimpleName();
      String why = KernelEngine.matrix().unsupported(problem, null).orElse(name);
      assertTrue(why.contains(name), () -> node + ": " + why);
    }
  }

  private static Operand operand(Value value) {
    return switch (value.layout()) {
      case PARAMETER -> Operand.constant(value.shape());
      case NCHW -> Operand.nchw(value.shape());
      case DENSE -> Operand.dense(value.shape());
      case FILTERS -> Operand.filters(value.shape(), value.dtype());
      case NHWC -> Operand.packed(value.shape(), value.dtype());
    };
  }
}
