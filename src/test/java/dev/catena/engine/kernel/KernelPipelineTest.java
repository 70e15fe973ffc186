package dev.catena.engine.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How convolutions are cut for GPUs that are not there: by arithmetic alone. */
class KernelPipelineTest {
  private static final KernelLimits H200 = new KernelLimits(90, 132);
  private static final KernelLimits A100 = new KernelLimits(80, 108);
  private static final KernelLimits RTX_5090 = new KernelLimits(120, 170);

  @Test
  void largeImagesTakeLargeTiles() {
    KernelPipeline cut = KernelPipeline.choose(bottleneck(64, 56, 256), H200);
    assertEquals(128, cut.tile().rows());
    assertEquals(128, cut.tile().columns());
    assertEquals(1, cut.parts());
  }

  @Test
  void oneSmallImageSplitsItsChannels() {
    KernelPipeline cut = KernelPipeline.choose(bottleneck(1, 7, 992), H200);
    assertEquals(64, cut.tile().rows());
    assertTrue(cut.parts() > 1, cut.toString());
  }

  @Test
  void partsHaveAllStepsAndNoneIsEmpty() {
    for (int channels = 16; channels <= 2700; channels += 4) {
      KernelPipeline cut = KernelPipeline.choose(bottleneck(1, 7, channels), H200);
      int steps = Math.ceilDiv(channels, KernelTile.depth(DType.FP16));
      assertTrue(cut.parts() * cut.steps() >= steps, cut.toString());
      assertTrue((cut.parts() - 1) * cut.steps() < steps, cut.toString());
    }
  }

  @Test
  void growthTakesItsOwnWidth() {
    assertEquals(16, KernelPipeline.choose(growth(64, 32, 48, 12), H200).tile().columns());
    assertEquals(32, KernelPipeline.choose(growth(64, 56, 128, 32), H200).tile().columns());
    assertEquals(48, KernelPipeline.choose(growth(64, 56, 192, 48), H200).tile().columns());
  }

  @Test
  void everyShapeFitsOnEveryArchitecture() {
    for (KernelLimits limits : List.of(H200, A100, RTX_5090)) {
      for (int size : new int[] {1, 7, 8, 14, 16, 28, 32, 56}) {
        KernelPipeline cut = KernelPipeline.choose(growth(2, size, 192, 48), limits);
        assertTrue(cut.lines() * cut.columns() <= cut.tile().rows(), cut.toString());
        KernelPipeline.choose(bottleneck(2, size, 2700), limits);
      }
    }
  }

  /** A step has half as many channels as in 16 bits, and the finished tile needs more room. */
  @Test
  void tf32FitsOnEveryArchitecture() {
    for (KernelLimits limits : List.of(H200, A100, RTX_5090)) {
      for (int size : new int[] {1, 7, 14, 56}) {
        KernelPipeline.choose(single(growth(2, size, 192, 48)).withTf32(true), limits);
        Problem wide = single(bottleneck(2, size, 2700)).withTf32(true);
        assertEquals(wide.input(0).dtype(), KernelPipeline.choose(wide, limits).dtype());
        assertTrue(KernelPipeline.choose(wide, limits).steps() >= Math.ceilDiv(2700, 16 * 16));
      }
    }
    KernelTile widest = KernelTile.POINTWISE.getFirst();
    assertTrue(widest.sharedBytes(128, 1, DType.FP32) >= 128 * (192 + 8) * Float.BYTES);
  }

  @Test
  void onlyFp32HasThePermissionOfTf32() {
    Problem half = bottleneck(1, 7, 64);
    assertEquals(half, half.withTf32(true));
    assertTrue(KernelPipeline.onTensorCores(half));
    assertFalse(KernelPipeline.onTensorCores(single(half)));
    assertTrue(KernelPipeline.onTensorCores(single(half).withTf32(true)));
  }

  private static Problem single(Problem half) {
    Operand x = Operand.packed(half.input(0).shape(), DType.FP32);
    Operand y = Operand.packed(half.output().shape(), DType.FP32);
    return new Problem(half.op(), List.of(x, half.input(1)), y);
  }

  @Test
  void aDenseLayerTakesOneLaunchWhereLittleIsComputedTwice() {
    assertTrue(worthwhile(7));
    assertTrue(worthwhile(14));
    assertTrue(!worthwhile(28));
    assertTrue(!worthwhile(56));
  }

  @Test
  void tilesThatMayBeTheFastestAreMeasuredAndNoOthers() {
    assertEquals(List.of("conv3x3_128x16"), candidates(growth(512, 32, 48, 12)), "no wider one");
    assertTrue(candidates(growth(64, 56, 128, 32)).contains("conv3x3_256x32"));
    assertFalse(candidates(growth(64, 56, 128, 32)).contains("conv3x3_128x64"));
    List<String> large = candidates(bottleneck(64, 56, 256));
    assertTrue(large.contains("conv1x1_128x128"), large.toString());
    assertTrue(large.stream().noneMatch(n -> n.endsWith("-parts")), large.toString());
    assertTrue(candidates(bottleneck(1, 7, 992)).contains("conv1x1_64x64-parts"));
    for (int outputs = 4; outputs < 300; outputs += 4) {
      assertFalse(candidates(growth(2, 14, 64, outputs)).isEmpty());
    }
  }

  @Test
  void aDenseLayerIsMeasuredWhereItMayBeFaster() {
    assertEquals(List.of(), candidates(KernelDenseLayer.ways(layer(1, 128, 32), H200, true)));
    List<String> candidates = candidates(KernelDenseLayer.ways(layer(28, 128, 32), H200, true));
    assertTrue(candidates.contains("dense_layer_128x128x32"), candidates.toString());
    assertTrue(candidates.stream().noneMatch(n -> n.contains("192")), candidates.toString());
  }

  private static List<String> candidates(Problem problem) {
    return candidates(KernelPipeline.ways(problem, H200, true));
  }

  private static List<String> candidates(List<KernelWay> ways) {
    return ways.stream().filter(KernelWay::competes).map(KernelWay::name).toList();
  }

  private static boolean worthwhile(int size) {
    Problem problem = layer(size, 128, 32);
    return KernelDenseLayer.cut(problem, H200).orElseThrow().worthwhile(problem.output().shape());
  }

  private static Problem layer(int size, int bottleneck, int growth) {
    Shape x = Shape.of(8, size, size, 512);
    return new Problem(
        new Op.DenseLayer(),
        List.of(
            Operand.packed(x, DType.FP16),
            Operand.constant(Shape.of(512)),
            Operand.constant(Shape.of(512)),
            Operand.constant(Shape.of(bottleneck, 512, 1, 1)),
            Operand.constant(Shape.of(bottleneck)),
            Operand.constant(Shape.of(growth, bottleneck, 3, 3))),
        Operand.packed(x.withChannels(growth), DType.FP16));
  }

  private static Problem bottleneck(int images, int size, int channels) {
    return conv(Op.Conv.of(1, 1, 0), images, size, channels, 128, 1);
  }

  private static Problem growth(int images, int size, int channels, int outputs) {
    return conv(Op.Conv.of(3, 1, 1), images, size, channels, outputs, 3);
  }

  private static Problem conv(
      Op.Conv conv, int images, int size, int channels, int outputs, int edge) {
    Shape x = Shape.of(images, size, size, channels);
    return new Problem(
        conv,
        List.of(
            Operand.packed(x, DType.FP16),
            Operand.constant(Shape.of(outputs, channels, edge, edge))),
        Operand.packed(x.withChannels(outputs), DType.FP16));
  }
}
