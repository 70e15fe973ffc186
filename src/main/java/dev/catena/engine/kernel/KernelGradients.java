package dev.catena.engine.kernel;

import static dev.catena.graph.Op.Prologue.NONE;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelParameters.ConvExtents;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Gradients of convolutions without barriers, on any shape: {@code conv_dgrad_direct.cu} and {@code
 * conv_wgrad_direct.cu}.
 */
final class KernelGradients {
  private static final int DGRAD_CHANNELS = 32;
  private static final int DGRAD_PARTS = 8;
  private static final int DGRAD_MOST_BLOCKS = 16;

  /** Parts of the pixels: so many threads for each 32 channels. */
  private static final int HOST_PARTS = 512;

  private static final int GPU_PARTS = 4096;
  private static final int LEAST_PIXELS = 8;

  private static final int WGRAD_ACROSS = 32;
  private static final int WGRAD_DOWN = 8;

  /** Pixels that one thread may add up in fp32: their rounding errors stay small. */
  private static final int WGRAD_PIXELS = 1024;

  /** Blocks that a grid may have in its third dimension. */
  private static final int MOST_DEEP = 65_535;

  /** Threads that fill a GPU. */
  private static final long WGRAD_THREADS = 1 << 17;

  private KernelGradients() {}

  /** Why no kernel computes a gradient of a convolution; empty if one does. */
  static Optional<String> unsupported(Problem problem) {
    if (!problem.operands().stream().allMatch(KernelCall::indexable)) {
      return Optional.of("has 32-bit pixel indices");
    }
    return typed(problem).allMatch(problem.input(0).dtype()::equals)
        ? Optional.empty()
        : Optional.of("wants one element type");
  }

  /** The types of all but the vectors, sums and gradients of filters, which are fp32. */
  private static Stream<DType> typed(Problem problem) {
    List<Operand> inputs = problem.inputs();
    Stream<Operand> first = inputs.stream().limit(2).filter(o -> o.layout() != Layout.PARAMETER);
    if (!(problem.op() instanceof TrainingOp.ConvDgrad op)) {
      return first.map(Operand::dtype);
    }
    Stream<Operand> x = inputs.stream().skip(2).limit(op.conv().prologue() == NONE ? 0 : 1);
    Stream<Operand> a = op.accumulate() ? Stream.of(inputs.getLast()) : Stream.empty();
    return Stream.of(first, x, a, Stream.of(problem.output())).flatMap(s -> s).map(Operand::dtype);
  }

  // ---- by the input --------------------------------------------------------------------------

  /** Scratch memory of {@link #dgrad}. */
  static long dgradWorkspace(Problem problem, TrainingOp.ConvDgrad op, Device device) {
    return sums(problem, op, device).bytes();
  }

  /** By the input, of any convolution. */
  static List<Launch> dgrad(KernelCall call, TrainingOp.ConvDgrad op) {
    Op.Conv conv = op.conv();
    PartialSums sums = sums(call.problem(), op, call.device());
    Shape dx = call.y().shape();
    Shape g = call.x().shape();
    var parameters =
        call.arguments(call.y())
            .set("filters", call.filters(1))
            .set("sums", call.binding().workspace())
            .set("geometry", ConvExtents.of(dx, g))
            .set("groupOutputs", g.c() / conv.groups())
            .set("chunk", chunk(dx.pixels(), call.device()));
    int blocks = conv.groups() * Math.ceilDiv(dx.c() / conv.groups(), DGRAD_CHANNELS);
    int down = Math.min(blocks, DGRAD_MOST_BLOCKS);
    Launch launch =
        call.launch(
            "conv_dgrad_direct",
            "conv_dgrad_direct",
            call.x(),
            Dim.of(Dim.blocks(sums.parts(), DGRAD_PARTS), Dim.blocks(blocks, down)),
            Dim.of(DGRAD_PARTS, down),
            parameters);
    return sums.after(launch, call);
  }

  private static PartialSums sums(Problem problem, TrainingOp.ConvDgrad op, Device device) {
    Shape dx = problem.output().shape();
    int parts = Math.toIntExact(Math.ceilDiv(dx.pixels(), chunk(dx.pixels(), device)));
    return PartialSums.of(op.conv().prologue(), parts, dx.c());
  }

  private static int chunk(long pixels, Device device) {
    int parts = device.kind() == Device.Kind.HOST ? HOST_PARTS : GPU_PARTS;
    return Math.max(LEAST_PIXELS, Math.toIntExact(Math.ceilDiv(pixels, parts)));
  }

  // ---- by the filters ------------------------------------------------------------------------

  /** Scratch memory of {@link #wgrad}. */
  static long wgradWorkspace(Problem problem, Device device) {
    return parts(problem, device).bytes();
  }

  /** By the filters, of any convolution. */
  static List<Launch> wgrad(KernelCall call, TrainingOp.ConvWgrad op) {
    Op.Conv conv = op.conv();
    FilterParts parts = parts(call.problem(), call.device());
    Shape g = call.x().shape();
    Shape x = call.problem().input(1).shape();
    int lines = g.n() * g.h();
    int channels = x.c() / conv.groups();
    int outputs = g.c() / conv.groups();
    var parameters =
        call.arguments(call.x())
            .set("dw", parts.target(call))
            .set("geometry", ConvExtents.of(x, g))
            .set("groupChannels", channels)
            .set("groupOutputs", outputs)
            .set("chunk", Math.ceilDiv(lines, parts.count()));
    int columns = conv.kernelH() * conv.kernelW() * Math.ceilDiv(channels, KernelCall.VECTOR);
    int rows = conv.groups() * Math.ceilDiv(outputs, KernelCall.VECTOR);
    int across = Math.min(columns, WGRAD_ACROSS);
    int down = Math.min(rows, WGRAD_DOWN);
    Launch launch =
        call.launch(
            "conv_wgrad_direct",
            "conv_wgrad_direct",
            call.x(),
            Dim.of(Dim.blocks(columns, across), Dim.blocks(rows, down), parts.count()),
            Dim.of(across, down),
            parameters);
    return parts.after(launch, call);
  }

  private static FilterParts parts(Problem problem, Device device) {
    Shape g = problem.input(0).shape();
    Operand dw = problem.output();
    long threads = dw.bufferElements() / (KernelCall.VECTOR * KernelCall.VECTOR);
    long wanted = Math.ceilDiv(g.pixels(), WGRAD_PIXELS);
    if (device.kind() != Device.Kind.HOST) {
      wanted = Math.max(wanted, WGRAD_THREADS / Math.max(1, threads));
    }
    return FilterParts.atMost(Math.min(wanted, MOST_DEEP), (long) g.n() * g.h(), dw);
  }
}
