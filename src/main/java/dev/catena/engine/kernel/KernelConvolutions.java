package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** Launches of conv1x1.cu, conv3x3.cu, conv_direct.cu and linear.cu. */
final class KernelConvolutions {
  /** Outputs of one block of a matrix kernel: pixels, channels; and its threads. */
  private record Tile(String kernel, int pixels, int channels, int threads) {}

  private static final Tile POINTWISE = new Tile("conv1x1", 64, 128, 256);
  private static final Tile THREE = new Tile("conv3x3", 128, 32, 128);

  private static final int DIRECT_PIXELS = 32;
  private static final int DIRECT_OUTPUTS = 4;
  private static final int DIRECT_MOST_QUADS = 8;

  private static final int LINEAR_ROWS = 8;
  private static final int LINEAR_COLUMNS = 4;
  private static final int WARP = 32;

  private KernelConvolutions() {}

  /** Whether conv1x1.cu or conv3x3.cu does it: one group, 1x1 unpadded or 3x3 padded by one. */
  static boolean tiled(Op.Conv conv) {
    return conv.groups() == 1
        && conv.kernelH() == conv.kernelW()
        && conv.padH() == conv.kernelH() / 2
        && conv.padW() == conv.padH()
        && (conv.kernelH() == 1 || conv.kernelH() == 3);
  }

  /** On the tiles of a matrix kernel. */
  static Launch tile(KernelCall call, Op.Conv conv) {
    Tile tile = conv.kernelH() == 1 ? POINTWISE : THREE;
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    List<Object> args = operands(call, conv);
    args.addAll(List.of(conv.stride(), x.c(), y.c(), call.y().pitch(), call.x().pitch()));
    Dim grid = Dim.of(Dim.blocks(y.pixels(), tile.pixels()), Dim.blocks(y.c(), tile.channels()));
    return call.launch(
        tile.kernel(), tile.kernel(), call.x(), grid, Dim.of(tile.threads()), args.toArray());
  }

  /** Without shared memory or barriers: any convolution. */
  static Launch direct(KernelCall call, Op.Conv conv) {
    Shape y = call.y().shape();
    int groupOutputs = y.c() / conv.groups();
    List<Object> args = operands(call, conv);
    args.addAll(List.of(conv.kernelH(), conv.kernelW(), conv.stride(), conv.padH(), conv.padW()));
    args.addAll(List.of(conv.groups(), call.x().shape().c() / conv.groups(), groupOutputs));
    args.addAll(List.of(call.y().pitch(), call.x().pitch()));
    int quads = conv.groups() * Math.ceilDiv(groupOutputs, DIRECT_OUTPUTS);
    int down = Math.min(quads, DIRECT_MOST_QUADS);
    Dim grid = Dim.of(Dim.blocks(y.pixels(), DIRECT_PIXELS), Dim.blocks(quads, down));
    return call.launch(
        "conv_direct", "conv_direct", call.x(), grid, Dim.of(DIRECT_PIXELS, down), args.toArray());
  }

  private static List<Object> operands(KernelCall call, Op.Conv conv) {
    boolean affine = conv.prologue() != Op.Prologue.NONE;
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    List<Object> args = new ArrayList<>();
    args.addAll(List.of(call.binding().output(), call.binding().input(0), call.filters(1)));
    args.addAll(List.of(affine ? call.vector(2) : 0L, affine ? call.vector(3) : 0L));
    args.addAll(List.of(conv.bias() ? call.vector(conv.biasIndex()) : 0L, call.residual(conv)));
    args.add(conv.prologue() == Op.Prologue.SCALE_SHIFT_RELU ? 1 : 0);
    args.add(conv.relu() ? 1 : 0);
    args.addAll(List.of(x.n(), x.h(), x.w(), y.h(), y.w(), call.residualPitch(conv)));
    return args;
  }

  /** The classifier, a warp for each column of eight rows. */
  static Launch linear(KernelCall call) {
    int rows = call.x().shape().n();
    int outputs = call.y().shape().c();
    return call.launch(
        "linear",
        "linear",
        call.x(),
        Dim.of(Dim.blocks(outputs, LINEAR_COLUMNS), Dim.blocks(rows, LINEAR_ROWS)),
        Dim.of(WARP, LINEAR_COLUMNS),
        call.binding().output(),
        call.binding().input(0),
        call.filters(1),
        call.vector(2),
        rows,
        outputs,
        call.x().shape().c(),
        call.y().pitch(),
        call.x().pitch());
  }

  /** The classifier as a 1x1 convolution without barriers. */
  static Launch directLinear(KernelCall call) {
    return direct(call, Op.Conv.of(1, 1, 0).withEpilogue(true, false));
  }
}
