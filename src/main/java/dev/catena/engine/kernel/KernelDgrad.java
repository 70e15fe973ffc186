package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The gradient by a convolution's input as a convolution of g with filters turned round
 * (conv_dgrad.cu): of 1x1 and padded 3x3, with stride 1. The workspace holds those filters, then
 * the sums of the parts.
 *
 * @param problem the gradient
 * @param op its operation
 * @param cut into blocks of pipeline.cuh; empty for those of fused_adds.cuh
 */
record KernelDgrad(Problem problem, TrainingOp.ConvDgrad op, Optional<KernelPipeline> cut) {
  private static final int WORKSPACE_ALIGNMENT = 256;

  /** Blocks of fused_adds.cuh. */
  private static final int PIXELS = 64;

  /** Tiles whose sums have room in fp32 where the stages were. */
  static final List<KernelTile> TILES =
      Stream.of(KernelTile.POINTWISE, KernelTile.THREE)
          .flatMap(List::stream)
          .filter(
              tile ->
                  switch (tile.kernel()) {
                    case "conv1x1_128x64", "conv1x1_64x128", "conv1x1_64x64" -> true;
                    case "conv3x3_128x64", "conv3x3_128x48", "conv3x3_64x32" -> true;
                    default -> false;
                  })
          .toList();

  /** The gradient's kernel on {@code tile}. */
  static String kernel(KernelTile tile) {
    return tile.kernel().replaceFirst("_", "_dgrad_");
  }

  /** Whether such a kernel computes it. */
  static boolean supports(TrainingOp.ConvDgrad op) {
    return KernelConvolutions.tiled(op.conv()) && op.conv().stride() == 1;
  }

  /** The cut that takes the least time, by arithmetic. */
  static KernelDgrad choose(Problem problem, TrainingOp.ConvDgrad op, Device device) {
    return on(problem, op, device, _ -> true)
        .orElseGet(() -> new KernelDgrad(problem, op, Optional.empty()));
  }

  /** The same among some tiles; empty if none of them takes it. */
  private static Optional<KernelDgrad> on(
      Problem problem, TrainingOp.ConvDgrad op, Device device, Predicate<KernelTile> tiles) {
    return pipelined(problem, op, device)
        ? KernelPipeline.choose(
                convolution(problem, op),
                new KernelLimits(device),
                tile -> TILES.contains(tile) && tiles.test(tile),
                c -> c.parts() == 1)
            .map(cut -> new KernelDgrad(problem, op, Optional.of(cut)))
        : Optional.empty();
  }

  /** Every tile that takes it. */
  static List<KernelWay> ways(
      Problem problem, TrainingOp.ConvDgrad op, Device device, boolean compete) {
    return TILES.stream()
        .filter(_ -> supports(op))
        .flatMap(
            tile ->
                on(problem, op, device, tile::equals).stream()
                    .map(gradient -> gradient.way(kernel(tile), compete)))
        .toList();
  }

  KernelWay way(String name, boolean competes) {
    return new KernelWay(name, competes, workspace(), this::launches);
  }

  private static boolean pipelined(Problem problem, TrainingOp.ConvDgrad op, Device device) {
    Operand g = problem.input(0);
    boolean anywhere = op.conv().kernelH() > 1 && g.dtype() != DType.FP32;
    return KernelPipeline.onTensorCores(problem)
        && new KernelLimits(device).pipelines()
        && (anywhere || KernelPipeline.aligned(g));
  }

  /** The convolution that it is. */
  private static Problem convolution(Problem problem, TrainingOp.ConvDgrad op) {
    int edge = op.conv().kernelH();
    Op.Conv conv = Op.Conv.of(edge, 1, edge / 2);
    return problem.part(conv, List.of(problem.input(0)), problem.output());
  }

  private int edge() {
    return op.conv().kernelH();
  }

  private int outputs() {
    return problem.input(0).shape().c();
  }

  private int channels() {
    return problem.output().shape().c();
  }

  private long turnedBytes() {
    long elements = (long) channels() * edge() * edge() * Operand.packedPitch(outputs());
    long bytes = elements * problem.input(0).dtype().bytes();
    return Math.ceilDiv(bytes, WORKSPACE_ALIGNMENT) * WORKSPACE_ALIGNMENT;
  }

  private Dim grid() {
    Shape dx = problem.output().shape();
    int columns = edge() == 1 ? 128 : 64;
    return cut.map(c -> c.grid(dx))
        .orElse(Dim.of(Dim.blocks(dx.pixels(), PIXELS), Dim.blocks(dx.c(), columns)));
  }

  private PartialSums sums() {
    return PartialSums.of(op.conv().prologue(), grid().x(), channels());
  }

  /** Bytes of turned filters and of the parts' sums. */
  private long workspace() {
    return turnedBytes() + sums().bytes();
  }

  private List<Launch> launches(KernelCall call) {
    long turned = call.binding().workspace();
    long parts = turned + turnedBytes();
    var parameters =
        call.convolution(call.x(), call.y())
            .set("turned", turned)
            .set("sums", parts)
            .set("lines", cut.map(KernelPipeline::lines).orElse(0))
            .set("columns", cut.map(KernelPipeline::columns).orElse(0));
    String plain = edge() == 1 ? "conv1x1_dgrad" : "conv3x3_dgrad";
    Launch launch =
        call.launch(
            "conv_dgrad",
            cut.map(c -> kernel(c.tile())).orElse(plain),
            cut.map(c -> KernelTile.suffix(c.dtype())).orElse(call.x().dtype().suffix()),
            grid(),
            Dim.of(cut.map(c -> c.tile().threads()).orElse(edge() == 1 ? 256 : 128)),
            cut.map(KernelPipeline::gradientSharedBytes).orElse(0),
            parameters);
    return sums().after(List.of(turn(call, turned), launch), call, parts);
  }

  private Launch turn(KernelCall call, long turned) {
    int taps = edge() * edge();
    var parameters =
        call.arguments(call.y())
            .set("turned", turned)
            .set("filters", call.filters(1))
            .set("outputs", outputs())
            .set("taps", taps);
    long rows = (long) channels() * taps;
    return call.elementwise("conv_dgrad", "turn_filters", call.x(), rows, outputs(), parameters);
  }
}
