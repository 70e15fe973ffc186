package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.ElementFunction;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Functions of one element, to an ONNX file and back. */
class UnaryTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"GELU", "GELU_TANH", "ERF"})
  void survivesAFile(ElementFunction function) throws IOException {
    GraphBuilder builder = new GraphBuilder("one", DType.FP32);
    Value x = builder.input(1, 4, 2, 2);
    Op op = new Op.Unary(function, 0.3f, 0.4f);
    Graph graph = builder.build(builder.add("function", op, x));
    Path file = folder.resolve("m.onnx");
    OnnxWriter.write(graph, _ -> null, file);
    float[] numbers = new float[16];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (i - 7.5f) * 0.6f;
    }
    float[] made = new float[16];
    try (Device device = Device.open("host");
        Model model = Models.onnx(file);
        Session session = model.compile(device, Inference.batch(1))) {
      assertEquals(
          1,
          session.plan().graph().nodes().stream().filter(n -> n.op() instanceof Op.Unary).count());
      session.run(MemorySegment.ofArray(numbers), MemorySegment.ofArray(made));
    }
    for (int i = 0; i < made.length; i++) {
      double wanted = expected(function, numbers[i]);
      double scale = Double.isNaN(wanted) ? 1 : Math.max(1, Math.abs(wanted));
      assertEquals(wanted, made[i], 1e-6 * scale, "of " + numbers[i]);
    }
  }

  /** As ONNX and PyTorch define them. */
  private static double expected(ElementFunction function, double x) {
    return switch (function) {
      case LEAKY_RELU -> Math.max(x, 0) + 0.3f * Math.min(x, 0);
      case ELU -> Math.max(x, 0) + 0.3f * (Math.exp(Math.min(x, 0)) - 1);
      case HARD_SIGMOID -> Math.clamp(0.3f * x + 0.4f, 0.0, 1.0);
      case HARD_SWISH -> x * Math.clamp(x + 3, 0.0, 6.0) / 6;
      case SILU -> x / (1 + Math.exp(-x));
      case TANH -> Math.tanh(x);
      case EXP -> Math.exp(x);
      case SQRT -> Math.sqrt(x);
      case ABS -> Math.abs(x);
      case LOG -> Math.log(x);
      case RECIPROCAL -> 1 / x;
      case SOFTPLUS -> Math.log1p(Math.exp(x));
      case GELU, GELU_TANH, ERF -> throw new AssertionError("not exported");
    };
  }
}
