package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The suite's reference and the interpreter, whose gradients finite differences have proved. */
class TrainingReferenceTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cross-entropy 5x1x1x8 smoothing=0.125",
        "cross-entropy-backward 5x1x1x8 smoothing=0.125",
        "batch-statistics 2x3x3x12",
        "batch-scale 1x1x1x12",
        "batch-shift 1x1x1x12",
        "running-mean 2x3x3x12 momentum=0.25",
        "running-variance 2x3x3x12 momentum=0.25",
        "dropout 2x3x3x12 p=0.3 stream=2",
        "linear-dgrad 3x1x1x12 k=7",
        "linear-dgrad 3x1x1x12 k=7 accumulate",
        "linear-wgrad 3x1x1x12 k=7",
        "channel-sums 2x3x3x12",
        "relu-backward 2x3x3x12 accumulate",
        "scale-shift-backward 2x3x3x12",
        "scale-shift-backward 2x3x3x12 relu accumulate",
        "conv-dgrad 2x6x5x12 k=8 kernel=3x3 pad=1x1 stride=2 groups=2",
        "conv-dgrad 2x6x5x12 k=4 kernel=1x1 prologue=scale_shift_relu accumulate",
        "conv-wgrad 2x6x5x12 k=8 kernel=3x1 pad=1x0 groups=4",
        "conv-wgrad 2x6x5x12 k=8 kernel=3x3 pad=1x1 prologue=scale_shift_relu",
        "max-pool-backward 2x7x6x4 kernel=3 stride=2 pad=1",
        "max-pool-backward 2x7x6x4 kernel=2 ceil prologue=scale_shift_relu accumulate",
        "average-pool-backward 2x7x6x4 kernel=3 stride=2 pad=1 include-pad ceil",
        "average-pool-backward 2x6x6x4 kernel=2 prologue=scale_shift",
        "global-average-backward 2x3x3x12",
        "global-average-backward 2x3x3x12 prologue=scale_shift_relu accumulate",
        "batch-norm-gradient 1x1x1x12",
        "batch-norm-gradient 1x1x1x12 accumulate",
        "batch-statistics-backward 2x3x3x12",
        "batch-statistics-backward 2x3x3x12 accumulate"
      })
  void agree(String line) {
    Case one = Case.parse(line + " dtype=f32 data=real").getFirst();
    List<double[]> numbers = Numbers.of(one);
    List<double[]> expected = interpreted(one.problem(), numbers);
    List<double[]> got = Reference.all(one.problem(), numbers);
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), got.get(i), 1e-12, "output " + i);
      assertTrue(Arrays.stream(got.get(i)).anyMatch(v -> v != 0), "output " + i);
    }
  }

  private static List<double[]> interpreted(Problem problem, List<double[]> numbers) {
    List<Value> inputs = new ArrayList<>();
    Map<String, double[]> values = new HashMap<>();
    for (Operand operand : problem.inputs()) {
      int id = inputs.size();
      Value input = new Value(id, "in" + id, operand.shape(), operand.dtype(), operand.layout());
      values.put(input.name(), numbers.get(id));
      inputs.add(input);
    }
    int[] ids = {inputs.size()};
    Node node = Node.of("node", problem.op(), inputs, DType.FP32, () -> ids[0]++);
    Graph graph = new Graph("one", inputs, List.of(node), node.outputs());
    Interpreter run = Interpreter.run(graph, values, _ -> null);
    return node.outputs().stream().map(run::value).toList();
  }
}
