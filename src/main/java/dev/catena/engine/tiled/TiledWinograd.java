package dev.catena.engine.tiled;

import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/** Where 3x3 convolutions take Winograd's form, and how ({@code native/host/convolution.h}). */
final class TiledWinograd {
  /** Products of a window. */
  static final int POSITIONS = 16;

  /** Tiles of windows at a time, as {@code kWindowTiles} of the kernels. */
  private static final int WINDOW_TILES = 2;

  private static final int TILE_WORDS = TiledCpu.ROWS * TiledFilters.PANEL;

  /** Words of filters that all windows pass over while they are in a core's L2 cache. */
  private static final int MOST_FILTER_WORDS = 64 << 10;

  /** Pixels that pay for the packing of filters, however many. */
  private static final int LEAST_PIXELS = 1536;

  /** Products that the cores form while memory gives a word of the filters. */
  private static final int PRODUCTS_OF_A_WORD = 20;

  /** Rows of G: a filter of 3 becomes 4 values. */
  private static final float[][] G = {
    {1, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.5f, -0.5f, 0.5f}, {0, 0, 1}
  };

  private TiledWinograd() {}

  /**
   * Whether the gradient by the filters of {@code conv} from {@code channels} to the images {@code
   * to}, of one group {@code outputs} channels, gains from it: its partial sums have 16 taps.
   */
  static boolean suitsFilters(Op.Conv conv, int channels, int outputs, Shape to) {
    long panels = Math.ceilDiv(outputs, TiledFilters.PANEL);
    long words =
        (long) POSITIONS * TiledForm.WINOGRAD.depth(channels) * panels * TiledFilters.PANEL;
    return possible(conv, channels, to) && words <= MOST_FILTER_WORDS;
  }

  /** Whether a convolution by trained filters gains, which are packed before each use. */
  static boolean suitsTrained(Op.Conv conv, int channels, int outputs, Shape to) {
    return suitsFilters(conv, channels, outputs, to)
        || (suits(conv, channels, to) && to.n() * to.h() * to.w() >= LEAST_PIXELS);
  }

  /** Whether one by constant filters gains: fewer products of more filters, read from memory. */
  static boolean suits(Op.Conv conv, int channels, Shape to) {
    long windows = (long) to.n() * Math.ceilDiv(to.h(), 2) * Math.ceilDiv(to.w(), 2);
    long pixels = (long) to.n() * to.h() * to.w();
    long products = POSITIONS * Math.max(windows, PRODUCTS_OF_A_WORD);
    return possible(conv, channels, to) && products < 9 * pixels;
  }

  private static boolean possible(Op.Conv conv, int channels, Shape to) {
    return conv.kernelH() == 3
        && conv.kernelW() == 3
        && conv.stride() == 1
        && channels >= TiledConvolution.FEW_CHANNELS
        && to.h() > 2
        && to.w() > 2;
  }

  /** Words of scratch before the packed rows, as {@code frontWords} of the kernels. */
  static long frontWords(TiledForm form, int channels) {
    int windows = TiledCpu.ROWS * TiledCpu.pixelWords(channels, false);
    return form == TiledForm.WINOGRAD
        ? (long) POSITIONS * WINDOW_TILES * (windows + TILE_WORDS) + 4L * TILE_WORDS
        : (long) form.rows() * TiledFilters.PANEL;
  }

  /** Value {@code t} of G g G' for the 3x3 filter g at {@code at}. */
  static float value(float[] w, int at, int t, DType dtype) {
    double sum = 0;
    for (int r = 0; r < 3; r++) {
      for (int s = 0; s < 3; s++) {
        sum += (double) G[t / 4][r] * G[t % 4][s] * dtype.round(w[at + 3 * r + s]);
      }
    }
    return (float) sum;
  }
}
