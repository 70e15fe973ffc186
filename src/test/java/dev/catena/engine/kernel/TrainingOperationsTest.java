package dev.catena.engine.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.device.Device;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pieces;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TrainingOperationsTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("host");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @Test
  void areAllDoneByOurKernels() {
    for (Policy policy : Policy.values()) {
      for (Graph network : networks()) {
        Graph step = policy.step(network, new LowerTraining(0.1f, 0));
        List<Node> training =
            step.steps().stream().filter(TrainingOperationsTest::isComputed).toList();
        assertFalse(training.isEmpty());
        for (Node node : training) {
          String why = why(problem(node));
          assertEquals("", why, () -> policy + ", " + network.name() + ", " + node);
        }
      }
    }
  }

  private static List<Graph> networks() {
    Stream<Graph> pieces = Pieces.all().stream().map(Pieces.Piece::network);
    return Stream.concat(pieces, Stream.of(Pieces.tinyDenseNet())).toList();
  }

  private static boolean isComputed(Node node) {
    return node.op() instanceof TrainingOp && !(node.op() instanceof TrainingOp.Slice)
        || node.op() instanceof Op.Add;
  }

  @Test
  void inTwoTypesAreRefused() {
    Operand half = Operand.packed(Shape.nhwc(2, 4, 4, 8), DType.FP16);
    Operand single = Operand.packed(Shape.nhwc(2, 4, 4, 8), DType.FP32);
    Problem problem = new Problem(new TrainingOp.ReluBackward(false), List.of(half, single), half);
    String why = why(problem);
    assertTrue(why.contains("one element type"), why);
  }

  private static String why(Problem problem) {
    return KernelEngine.matrix().offers(problem, device).refusal().orElse("");
  }

  private static Problem problem(Node node) {
    return new Problem(
        node.op(),
        node.inputs().stream().map(TrainingOperationsTest::operand).toList(),
        node.outputs().stream().map(TrainingOperationsTest::operand).toList());
  }

  /** As it is on the device: parameters are, too. */
  private static Operand operand(Value value) {
    Shape shape = value.shape();
    return switch (value.layout()) {
      case NCHW -> Operand.nchw(shape);
      case NHWC -> Operand.packed(shape, value.dtype());
      case DENSE -> Operand.dense(shape);
      case FILTERS -> Operand.filters(shape, value.dtype());
      case PARAMETER ->
          shape.rank() == 1 ? Operand.dense(shape) : Operand.filters(shape, value.dtype());
    };
  }
}
