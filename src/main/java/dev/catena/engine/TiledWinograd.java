package dev.catena.engine;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/** Where trained 3x3 convolutions take Winograd's form ({@code native/host/convolution.h}). */
final class TiledWinograd {
  /** Products of a window, and words of a tile of sums. */
  static final int POSITIONS = 16;

  private static final int TILE_WORDS = TiledCpu.ROWS * TiledFilters.PANEL;

  /** Words of filters that all windows pass over while they are in a core's L2 cache. */
  private static final int MOST_FILTER_WORDS = 64 << 10;

  private TiledWinograd() {}

  /**
   * Whether {@code conv} from {@code channels} to the image {@code to}, of one group {@code
   * outputs} channels, gains from it.
   */
  static boolean suits(Op.Conv conv, int channels, int outputs, Shape to) {
    int panels = Math.ceilDiv(outputs, TiledFilters.PANEL) * TiledFilters.PANEL;
    return conv.kernelH() == 3
        && conv.kernelW() == 3
        && conv.stride() == 1
        && channels >= TiledConvolution.FEW_CHANNELS
        && to.h() > 2
        && to.w() > 2
        && (long) POSITIONS * TiledFilters.depth(channels) * panels <= MOST_FILTER_WORDS;
  }

  /** Words of scratch before the packed rows, as {@code frontWords} of the kernels. */
  static long frontWords(boolean winograd, int channels) {
    int windows = TiledCpu.ROWS * TiledCpu.pixelWords(channels, false);
    return winograd ? (long) POSITIONS * (windows + TILE_WORDS) + 4L * TILE_WORDS : TILE_WORDS;
  }
}
