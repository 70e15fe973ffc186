package dev.catena.engine.kernel;

import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import java.util.List;

/**
 * A block of {@code pipeline.cuh}: what one compiled variant of a convolution makes at once.
 *
 * @param edge of the convolution's kernel, 1 or 3
 * @param rows pixels
 * @param columns outputs
 * @param threads of the block
 * @param resident blocks on a multiprocessor, as far as registers go
 */
record KernelTile(int edge, int rows, int columns, int threads, int resident) {
  static final List<KernelTile> POINTWISE =
      List.of(
          new KernelTile(1, 128, 192, 256, 1),
          new KernelTile(1, 128, 128, 256, 2),
          new KernelTile(1, 128, 64, 128, 3),
          new KernelTile(1, 64, 192, 128, 2),
          new KernelTile(1, 64, 128, 128, 3),
          new KernelTile(1, 64, 64, 128, 4));

  static final List<KernelTile> THREE =
      List.of(
          new KernelTile(3, 256, 32, 256, 2),
          new KernelTile(3, 128, 64, 128, 3),
          new KernelTile(3, 128, 48, 128, 4),
          new KernelTile(3, 128, 32, 128, 4),
          new KernelTile(3, 128, 16, 128, 6),
          new KernelTile(3, 64, 32, 128, 6));

  /** Bytes of x, and of a filter, that are one pixel's in a step. */
  private static final int ROW_BYTES = 64;

  private static final int CHUNK_BYTES = 16;
  private static final int AFFINE_BYTES = 2 * Float.BYTES;

  /** The tiles of a convolution that has any. */
  static List<KernelTile> of(Problem problem) {
    return KernelPipeline.convolution(problem.op()).orElseThrow().kernelH() == 1
        ? POINTWISE
        : THREE;
  }

  /** Channels of a step. */
  static int depth(DType dtype) {
    return ROW_BYTES / dtype.bytes();
  }

  /** Ending of a kernel's name: with fp32 in memory it multiplies in TF32. */
  static String suffix(DType dtype) {
    return dtype == DType.FP32 ? "tf32" : dtype.suffix();
  }

  int taps() {
    return edge * edge;
  }

  private int stages() {
    return edge == 1 ? 4 : 2;
  }

  String file() {
    return edge == 1 ? "conv1x1" : "conv3x3";
  }

  String kernel() {
    return file() + "_" + rows + "x" + columns;
  }

  /** Bytes of x and w that a step brings. */
  int stepBytes(int patchPixels) {
    return (patchPixels + taps() * columns) * ROW_BYTES;
  }

  /**
   * Shared memory of a block, laid out as in {@code pipeline.cuh}: stages, zeros, the patch's
   * table, scale and shift; or in their place the finished tile.
   */
  int sharedBytes(int patchPixels, int steps, DType dtype) {
    int staged =
        stages() * stepBytes(patchPixels)
            + tableBytes(patchPixels)
            + steps * depth(dtype) * AFFINE_BYTES;
    return Math.max(staged, tileElements() * dtype.bytes());
  }

  private int tileElements() {
    return rows * (columns + KernelCall.VECTOR);
  }

  /** The same for {@code conv_dgrad.cu}: the stages that are used or the sums, zeros, the table. */
  int gradientSharedBytes(int patchPixels, int steps) {
    int staged = Math.min(stages(), steps) * stepBytes(patchPixels);
    return Math.max(staged, tileElements() * Float.BYTES) + tableBytes(patchPixels);
  }

  private static int tableBytes(int patchPixels) {
    return CHUNK_BYTES + Math.ceilDiv(patchPixels, 4) * 4 * Integer.BYTES;
  }
}
