package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.kernel.KernelParameters.ConvExtents;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

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
        && conv.regular()
        && conv.kernelH() == conv.kernelW()
        && conv.padH() == conv.kernelH() / 2
        && conv.padW() == conv.padH()
        && (conv.kernelH() == 1 || conv.kernelH() == 3);
  }

  /** On the tiles of a matrix kernel. */
  static Launch tile(KernelCall call, Op.Conv conv) {
    Tile tile = conv.kernelH() == 1 ? POINTWISE : THREE;
    Shape y = call.y().shape();
    var parameters =
        call.convolution(call.x(), call.y())
            .set("sums", 0L)
            .set("moments", 0L)
            .set("steps", 0)
            .set("lines", 0)
            .set("columns", 0);
    Dim grid = Dim.of(Dim.blocks(y.pixels(), tile.pixels()), Dim.blocks(y.c(), tile.channels()));
    return call.launch(
        tile.kernel(), tile.kernel(), call.x(), grid, Dim.of(tile.threads()), parameters);
  }

  /** Without shared memory or barriers: any convolution. */
  static Launch direct(KernelCall call, Op.Conv conv) {
    Shape y = call.y().shape();
    int outputs = y.c() / conv.groups();
    var parameters =
        KernelArguments.of(call, conv, call.y())
            .set("geometry", ConvExtents.of(call.x().shape(), y))
            .set("groupChannels", call.x().shape().c() / conv.groups())
            .set("groupOutputs", outputs);
    int quads = conv.groups() * Math.ceilDiv(outputs, DIRECT_OUTPUTS);
    int down = Math.min(quads, DIRECT_MOST_QUADS);
    Dim grid = Dim.of(Dim.blocks(y.pixels(), DIRECT_PIXELS), Dim.blocks(quads, down));
    Dim block = Dim.of(DIRECT_PIXELS, down);
    return call.launch("conv_direct", "conv_direct", call.x(), grid, block, parameters);
  }

  /** The classifier, a warp for each column of eight rows. */
  static Launch linear(KernelCall call) {
    int rows = call.x().shape().n();
    int outputs = call.y().shape().c();
    var parameters = call.arguments(call.x()).set("outputs", outputs);
    Dim grid = Dim.of(Dim.blocks(outputs, LINEAR_COLUMNS), Dim.blocks(rows, LINEAR_ROWS));
    Dim block = Dim.of(WARP, LINEAR_COLUMNS);
    return call.launch("linear", "linear", call.x(), grid, block, parameters);
  }

  /** The classifier as a 1x1 convolution without barriers. */
  static Launch directLinear(KernelCall call) {
    return direct(call, Op.Conv.of(1, 1, 0).withEpilogue(true, false));
  }
}
