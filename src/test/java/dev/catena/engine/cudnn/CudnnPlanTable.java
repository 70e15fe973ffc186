package dev.catena.engine.cudnn;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.engine.cudnn.CudnnGraph.Convolution;
import dev.catena.engine.cudnn.CudnnGraph.Direction;
import dev.catena.engine.cudnn.CudnnGraph.Mode;
import dev.catena.engine.cudnn.CudnnGraph.Operation;
import dev.catena.engine.cudnn.CudnnGraph.Pointwise;
import dev.catena.engine.cudnn.CudnnGraph.Statistics;
import dev.catena.engine.cudnn.CudnnGraph.Window;
import dev.catena.graph.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Asks cuDNN what it can do with the graphs that a DenseNet suggests, on GPUs that are not here,
 * and writes a table. Not a test: run it with {@code mvn -Dtest=CudnnPlanTable
 * -Dcatena.cudnn.table=bench/results/cudnn-plans.md test}.
 */
class CudnnPlanTable {

  private static final long BATCH = 64;
  private static final long SIZE = 28;

  private CudnnLibrary cudnn;

  @Test
  void write() throws IOException {
    String file = System.getProperty("catena.cudnn.table");
    assumeTrue(file != null, "set -Dcatena.cudnn.table to the file to write");
    assumeTrue(CudnnLibrary.find().isPresent(), () -> CudnnLibrary.missing().orElse(""));
    cudnn = CudnnLibrary.find().get();
    StringBuilder text = new StringBuilder(head(file));
    for (String gpu : List.of("h200", "a100", "b200")) {
      text.append("\n## ")
          .append(gpu)
          .append("\n\n| graph | fp16 | bf16 | fp32 |\n|---|---|---|---|\n");
      try (CudnnTarget target = CudnnTarget.named(cudnn, gpu)) {
        for (String graph : graphs(DType.FP16).keySet()) {
          text.append("| ").append(graph);
          for (DType dtype : List.of(DType.FP16, DType.BF16, DType.FP32)) {
            text.append(" | ").append(cell(graphs(dtype).get(graph), target, dtype));
          }
          text.append(" |\n");
        }
      }
    }
    Files.createDirectories(Path.of(file).toAbsolutePath().getParent());
    Files.writeString(Path.of(file), text.toString());
  }

  private String head(String file) {
    return """
        # Plans of cuDNN %s

        Batch %d, %dx%d, channels last unless said. A cell: plans (distinct engines), workspace of the
        first, and of the smallest where it differs. Plans are those of the heuristics A, B and
        fallback together that finalise and whose arithmetic is exact: no TF32 in fp32, no Winograd,
        no atomic sums. Each is made from a description of the GPU, without the GPU. Made by

            mvn -Dtest=CudnnPlanTable -Dcatena.cudnn.table=%s test

        What follows for the engines: filters have no gaps; gradients by filters are taken from cuDNN in
        fp32 alone, for in 16 bits it would round them; it adds nothing to a gradient, and a residual
        only before a bias; GenStats stands behind a convolution in fp16 alone, packed, on two of the
        three, and its sums of squares in fp32 lose a variance that is small beside the mean: statistics
        stay with our kernels.
        """
        .formatted(cudnn.versionName(), BATCH, SIZE, SIZE, file);
  }

  private String cell(CudnnGraph graph, CudnnTarget target, DType dtype) {
    List<CudnnPlan> plans;
    try {
      plans = CudnnPlans.find(cudnn, graph, target, e -> e.exact(dtype, false), Integer.MAX_VALUE);
    } catch (CudnnException e) {
      return "refused";
    }
    try {
      if (plans.isEmpty()) {
        return "**0**" + inexact(graph, target);
      }
      long engines = plans.stream().map(plan -> plan.engine().index()).distinct().count();
      long first = plans.getFirst().workspace();
      long smallest = plans.stream().mapToLong(CudnnPlan::workspace).min().orElseThrow();
      return "%d (%d), %s".formatted(plans.size(), engines, megabytes(first))
          + (smallest == first ? "" : ", " + megabytes(smallest));
    } finally {
      CudnnPlan.closeAll(plans);
    }
  }

  private String inexact(CudnnGraph graph, CudnnTarget target) {
    List<CudnnPlan> plans = CudnnPlans.find(cudnn, graph, target, _ -> true, Integer.MAX_VALUE);
    CudnnPlan.closeAll(plans);
    return plans.isEmpty() ? "" : " (" + plans.size() + " inexact)";
  }

  private static String megabytes(long bytes) {
    return bytes < 50_000 ? bytes + " B" : "%.1f MB".formatted(bytes / 1e6);
  }

  private static Map<String, CudnnGraph> graphs(DType dtype) {
    Map<String, CudnnGraph> graphs = new LinkedHashMap<>();
    CudnnTensor x = image(1, dtype, 128, 128);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 32, 3, 3, 128);
    CudnnTensor packed = image(3, dtype, 32, 32);
    CudnnTensor slice = image(3, dtype, 32, 512);
    for (Direction direction : Direction.values()) {
      String name = direction.name().toLowerCase(Locale.ROOT) + " 3x3, 128 and 32 channels, y ";
      graphs.put(name + "packed", plain(direction, x, w, packed));
      graphs.put(name + "a slice of 512", plain(direction, x, w, slice));
    }
    CudnnTensor dx = x.intermediate(10, DType.FP32);
    graphs.put(
        "data 3x3, added to another gradient, packed",
        CudnnGraph.of(
            new Convolution(Direction.DATA, dx, w, packed, Window.square(1, 1)),
            new Pointwise(Mode.ADD, dx, image(4, dtype, 128, 128), x)));
    CudnnTensor dw = CudnnTensor.krsc(2, DType.FP32, 32, 3, 3, 128);
    graphs.put("weights 3x3, their gradient in fp32", plain(Direction.WEIGHTS, x, dw, packed));
    CudnnTensor gaps = CudnnTensor.nhwc(2, dtype, 32, 3, 3, 60, 64, CudnnTensor.ALIGNMENT);
    graphs.put(
        "forward 3x3, 60 channels, filters with gaps",
        plain(Direction.FORWARD, image(1, dtype, 60, 64), gaps, packed));
    CudnnTensor sum = CudnnTensor.channels(5, DType.FP32, 32);
    CudnnTensor squares = CudnnTensor.channels(6, DType.FP32, 32);
    graphs.put("statistics alone", CudnnGraph.of(new Statistics(packed, sum, squares)));
    graphs.put(
        "forward 3x3, statistics, y packed",
        CudnnGraph.of(
            new Convolution(Direction.FORWARD, x, w, packed, Window.square(1, 1)),
            new Statistics(packed, sum, squares)));
    CudnnTensor nchw = CudnnTensor.nchw(1, dtype, BATCH, SIZE, SIZE, 128);
    CudnnTensor nchwOut = CudnnTensor.nchw(3, dtype, BATCH, SIZE, SIZE, 32);
    graphs.put(
        "forward 3x3, channels first",
        plain(Direction.FORWARD, nchw, CudnnTensor.nchw(2, dtype, 32, 3, 3, 128), nchwOut));
    graphs.put("forward 3x3, 48 to 12, y packed, pitch 12", growth12(dtype, 12));
    graphs.put("forward 3x3, 48 to 12, y packed, pitch 16", growth12(dtype, 16));
    graphs.put("forward 3x3, 48 to 12, y a slice of 216", growth12(dtype, 216));
    for (boolean whole : new boolean[] {true, false}) {
      CudnnTensor input = image(1, dtype, 256, whole ? 256 : 512);
      String from = whole ? ", x packed" : ", x 256 of 512";
      graphs.put("forward 1x1, 256 to 128" + from, pointwise(input, dtype));
      graphs.put("the same with bias and ReLU" + from, withEpilogue(input, dtype));
      if (whole) {
        graphs.put(
            "the same with a residual, then bias and ReLU", withResidual(input, dtype, true));
        graphs.put(
            "the same with bias, then a residual and ReLU", withResidual(input, dtype, false));
      }
      graphs.put("scale, shift, ReLU, 1x1" + from, withPrologue(input, dtype, 1, false));
      graphs.put("scale, shift, ReLU, 1x1, statistics" + from, withPrologue(input, dtype, 1, true));
    }
    graphs.put("scale, shift, ReLU, 3x3, x packed", withPrologue(x, dtype, 3, false));
    return graphs;
  }

  private static CudnnTensor image(long id, DType dtype, long channels, long pitch) {
    return CudnnTensor.nhwc(id, dtype, BATCH, SIZE, SIZE, channels, pitch, CudnnTensor.ALIGNMENT);
  }

  private static CudnnGraph plain(
      Direction direction, CudnnTensor x, CudnnTensor w, CudnnTensor y) {
    return CudnnGraph.of(new Convolution(direction, x, w, y, Window.square(1, 1)));
  }

  private static CudnnGraph growth12(DType dtype, long pitch) {
    CudnnTensor y = CudnnTensor.nhwc(3, dtype, BATCH, SIZE, SIZE, 12, pitch, 8);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 12, 3, 3, 48);
    return plain(Direction.FORWARD, image(1, dtype, 48, 48), w, y);
  }

  private static CudnnGraph pointwise(CudnnTensor x, DType dtype) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    return CudnnGraph.of(new Convolution(Direction.FORWARD, x, w, y, Window.square(0, 1)));
  }

  private static CudnnGraph withResidual(CudnnTensor x, DType dtype, boolean first) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    CudnnTensor product = y.intermediate(10, DType.FP32);
    CudnnTensor once = y.intermediate(11, DType.FP32);
    CudnnTensor twice = y.intermediate(12, DType.FP32);
    CudnnTensor residual = image(5, dtype, 128, 128);
    CudnnTensor bias = CudnnTensor.channels(4, dtype, 128);
    return CudnnGraph.of(
        new Convolution(Direction.FORWARD, x, w, product, Window.square(0, 1)),
        new Pointwise(Mode.ADD, product, first ? residual : bias, once),
        new Pointwise(Mode.ADD, once, first ? bias : residual, twice),
        new Pointwise(Mode.RELU, twice, null, y));
  }

  private static CudnnGraph withEpilogue(CudnnTensor x, DType dtype) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    CudnnTensor product = y.intermediate(10, DType.FP32);
    CudnnTensor biased = y.intermediate(11, DType.FP32);
    return CudnnGraph.of(
        new Convolution(Direction.FORWARD, x, w, product, Window.square(0, 1)),
        new Pointwise(Mode.ADD, product, CudnnTensor.channels(4, dtype, 128), biased),
        new Pointwise(Mode.RELU, biased, null, y));
  }

  private static CudnnGraph withPrologue(
      CudnnTensor x, DType dtype, long kernel, boolean statistics) {
    long inputs = x.extent().c();
    long outputs = inputs == 128 ? 32 : 128;
    CudnnTensor scaled = x.intermediate(10, dtype);
    CudnnTensor shifted = x.intermediate(11, dtype);
    CudnnTensor rectified = x.intermediate(12, dtype);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, outputs, kernel, kernel, inputs);
    CudnnTensor y = image(3, dtype, outputs, outputs);
    Window window = Window.square((int) kernel / 2, 1);
    List<Operation> operations = new ArrayList<>();
    operations.add(new Pointwise(Mode.MULTIPLY, x, CudnnTensor.channels(4, dtype, inputs), scaled));
    operations.add(
        new Pointwise(Mode.ADD, scaled, CudnnTensor.channels(5, dtype, inputs), shifted));
    operations.add(new Pointwise(Mode.RELU, shifted, null, rectified));
    operations.add(new Convolution(Direction.FORWARD, rectified, w, y, window));
    if (statistics) {
      operations.add(
          new Statistics(
              y,
              CudnnTensor.channels(20, DType.FP32, outputs),
              CudnnTensor.channels(21, DType.FP32, outputs)));
    }
    return new CudnnGraph(operations);
  }
}
