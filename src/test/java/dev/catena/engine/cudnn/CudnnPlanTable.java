package dev.catena.engine.cudnn;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.engine.cudnn.CudnnTable.Direction;
import dev.catena.engine.cudnn.CudnnTable.Row;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
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
      try (CudnnTarget target = CudnnTargets.named(cudnn, gpu)) {
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
        only before a bias.
        """
        .formatted(cudnn.versionName(), BATCH, SIZE, SIZE, file);
  }

  private String cell(CudnnTable graph, CudnnTarget target, DType dtype) {
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

  private String inexact(CudnnTable graph, CudnnTarget target) {
    List<CudnnPlan> plans = CudnnPlans.find(cudnn, graph, target, _ -> true, Integer.MAX_VALUE);
    CudnnPlan.closeAll(plans);
    return plans.isEmpty() ? "" : " (" + plans.size() + " inexact)";
  }

  private static String megabytes(long bytes) {
    return bytes < 50_000 ? bytes + " B" : "%.1f MB".formatted(bytes / 1e6);
  }

  private static Map<String, CudnnTable> graphs(DType dtype) {
    Map<String, CudnnTable> graphs = new LinkedHashMap<>();
    CudnnTensor x = image(1, dtype, 128, 128);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 32, 3, 3, 128);
    CudnnTensor packed = image(3, dtype, 32, 32);
    CudnnTensor slice = image(3, dtype, 32, 512);
    for (Direction direction : Direction.values()) {
      String name = direction.name().toLowerCase(Locale.ROOT) + " 3x3, 128 and 32 channels, y ";
      graphs.put(name + "packed", plain(direction, x, w, packed));
      graphs.put(name + "a slice of 512", plain(direction, x, w, slice));
    }
    CudnnTensor dx = x.intermediate(10);
    graphs.put(
        "data 3x3, added to another gradient, packed",
        graph(
            convolution(Direction.DATA, dx, w, packed, Op.Window.of(1, 1, 1)),
            CudnnTable.add(dx, image(4, dtype, 128, 128), x)));
    CudnnTensor dw = CudnnTensor.krsc(2, DType.FP32, 32, 3, 3, 128);
    graphs.put("weights 3x3, their gradient in fp32", plain(Direction.WEIGHTS, x, dw, packed));
    CudnnTensor gaps = CudnnTensor.nhwc(2, dtype, 32, 3, 3, 60, 64, CudnnTensor.ALIGNMENT);
    graphs.put(
        "forward 3x3, 60 channels, filters with gaps",
        plain(Direction.FORWARD, image(1, dtype, 60, 64), gaps, packed));
    CudnnTensor nchw = nchw(1, dtype, BATCH, SIZE, SIZE, 128);
    CudnnTensor nchwOut = nchw(3, dtype, BATCH, SIZE, SIZE, 32);
    graphs.put(
        "forward 3x3, channels first",
        plain(Direction.FORWARD, nchw, nchw(2, dtype, 32, 3, 3, 128), nchwOut));
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
      graphs.put("scale, shift, ReLU, 1x1" + from, withPrologue(input, dtype, 1));
    }
    graphs.put("scale, shift, ReLU, 3x3, x packed", withPrologue(x, dtype, 3));
    return graphs;
  }

  private static CudnnTable graph(CudnnTable... operations) {
    return CudnnTable.graph(List.of(operations));
  }

  private static CudnnTable convolution(
      Direction direction, CudnnTensor x, CudnnTensor w, CudnnTensor y, Op.Window window) {
    return CudnnTable.convolution(direction, x, w, y, window, window);
  }

  private static CudnnTable multiply(CudnnTensor x, CudnnTensor b, CudnnTensor y) {
    int multiply = 1; // CUDNN_POINTWISE_MUL
    return new CudnnTable(
        CudnnConstants.BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
        new Row(CudnnAttribute.OPERATION_POINTWISE_PW_DESCRIPTOR, CudnnTable.pointwise(multiply)),
        new Row(CudnnAttribute.OPERATION_POINTWISE_XDESC, x.table()),
        new Row(CudnnAttribute.OPERATION_POINTWISE_BDESC, b.table()),
        new Row(CudnnAttribute.OPERATION_POINTWISE_YDESC, y.table()));
  }

  private static CudnnTensor nchw(long id, DType dtype, long n, long h, long w, long c) {
    return new CudnnTensor(
        id,
        dtype,
        List.of(n, c, h, w),
        List.of(c * h * w, h * w, w, 1L),
        CudnnTensor.ALIGNMENT,
        false);
  }

  private static CudnnTensor intermediate(CudnnTensor like, long id) {
    CudnnTensor single = like.intermediate(id);
    return new CudnnTensor(
        id, like.dtype(), single.extent(), single.strides(), CudnnTensor.ALIGNMENT, true);
  }

  private static CudnnTensor image(long id, DType dtype, long channels, long pitch) {
    return CudnnTensor.nhwc(id, dtype, BATCH, SIZE, SIZE, channels, pitch, CudnnTensor.ALIGNMENT);
  }

  private static CudnnTable plain(
      Direction direction, CudnnTensor x, CudnnTensor w, CudnnTensor y) {
    return graph(convolution(direction, x, w, y, Op.Window.of(1, 1, 1)));
  }

  private static CudnnTable growth12(DType dtype, long pitch) {
    CudnnTensor y = CudnnTensor.nhwc(3, dtype, BATCH, SIZE, SIZE, 12, pitch, 8);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 12, 3, 3, 48);
    return plain(Direction.FORWARD, image(1, dtype, 48, 48), w, y);
  }

  private static CudnnTable pointwise(CudnnTensor x, DType dtype) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    return graph(convolution(Direction.FORWARD, x, w, y, Op.Window.of(1, 1, 0)));
  }

  private static CudnnTable withResidual(CudnnTensor x, DType dtype, boolean first) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    CudnnTensor product = y.intermediate(10);
    CudnnTensor once = y.intermediate(11);
    CudnnTensor twice = y.intermediate(12);
    CudnnTensor residual = image(5, dtype, 128, 128);
    CudnnTensor bias = CudnnTensor.channels(4, dtype, 128);
    return graph(
        convolution(Direction.FORWARD, x, w, product, Op.Window.of(1, 1, 0)),
        CudnnTable.add(product, first ? residual : bias, once),
        CudnnTable.add(once, first ? bias : residual, twice),
        CudnnTable.relu(twice, y));
  }

  private static CudnnTable withEpilogue(CudnnTensor x, DType dtype) {
    CudnnTensor w = CudnnTensor.krsc(2, dtype, 128, 1, 1, 256);
    CudnnTensor y = image(3, dtype, 128, 128);
    CudnnTensor product = y.intermediate(10);
    CudnnTensor biased = y.intermediate(11);
    return graph(
        convolution(Direction.FORWARD, x, w, product, Op.Window.of(1, 1, 0)),
        CudnnTable.add(product, CudnnTensor.channels(4, dtype, 128), biased),
        CudnnTable.relu(biased, y));
  }

  private static CudnnTable withPrologue(CudnnTensor x, DType dtype, long kernel) {
    long inputs = x.channels();
    long outputs = inputs == 128 ? 32 : 128;
    CudnnTensor scaled = intermediate(x, 10);
    CudnnTensor shifted = intermediate(x, 11);
    CudnnTensor rectified = intermediate(x, 12);
    CudnnTensor w = CudnnTensor.krsc(2, dtype, outputs, kernel, kernel, inputs);
    CudnnTensor y = image(3, dtype, outputs, outputs);
    List<CudnnTable> operations = new ArrayList<>();
    operations.add(multiply(x, CudnnTensor.channels(4, dtype, inputs), scaled));
    operations.add(CudnnTable.add(scaled, CudnnTensor.channels(5, dtype, inputs), shifted));
    operations.add(CudnnTable.relu(shifted, rectified));
    operations.add(
        convolution(Direction.FORWARD, rectified, w, y, Op.Window.of(1, 1, (int) kernel / 2)));
    return CudnnTable.graph(operations);
  }
}
