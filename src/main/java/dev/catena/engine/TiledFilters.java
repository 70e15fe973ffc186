package dev.catena.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.catena.graph.DType;

/**
 * Filters as {@code native/host/microkernel.h} reads them: panels of 32 output channels, in each of
 * them every tap's input channels, in each of those 32 words. A word is a float, or a pair of
 * bfloat16 from two neighbouring input channels. What no filter fills is zero.
 *
 * @param outputs output channels of one group
 * @param groups independent sets of filters, one after the other
 * @param taps kernel positions
 * @param depth input channels of a tap, rounded up
 * @param pairs whether words are pairs
 * @param dtype what values are rounded to
 */
record TiledFilters(int outputs, int groups, int taps, int depth, boolean pairs, DType dtype) {
  /** Output channels of a panel. */
  static final int PANEL = 32;

  /** Input channels of a tap are rounded up to this many. */
  static final int DEPTH_MULTIPLE = 8;

  /** The value for an output channel of all groups, a tap and an input channel of its group. */
  @FunctionalInterface
  interface Values {
    float at(float[] filters, int output, int tap, int channel);
  }

  static int depth(int channels) {
    return Math.ceilDiv(channels, DEPTH_MULTIPLE) * DEPTH_MULTIPLE;
  }

  long bytes() {
    return panels() * panelWords() * groups * Float.BYTES;
  }

  private long panels() {
    return Math.ceilDiv(outputs, PANEL);
  }

  private long panelWords() {
    return (long) taps * depth * PANEL / (pairs ? 2 : 1);
  }

  /** Packs {@code channels} input channels of every tap and uploads them, once. */
  long upload(Binding binding, int input, String form, int channels, Values values) {
    String layout = "tiled %s %s".formatted(form, this);
    return binding.constant(
        input,
        layout,
        bytes(),
        (filters, target) -> {
          for (int k = 0; k < outputs * groups; k++) {
            long panel = k / outputs * panels() + k % outputs / PANEL;
            for (int t = 0; t < taps; t++) {
              for (int c = 0; c < channels; c++) {
                float value = dtype.round(values.at(filters, k, t, c));
                long row = panel * panelWords() + ((long) t * depth + c) / (pairs ? 2 : 1) * PANEL;
                long word = row + k % outputs % PANEL;
                if (pairs) {
                  target.setAtIndex(JAVA_SHORT_UNALIGNED, 2 * word + c % 2, dtype.toBits(value));
                } else {
                  target.setAtIndex(JAVA_FLOAT_UNALIGNED, word, value);
                }
              }
            }
          }
        });
  }

  /** Uploads a vector over channels, with zeros behind it for whole vectors to be read. */
  static long uploadVector(Binding binding, int input, int channels) {
    long bytes = (Math.ceilDiv(channels, PANEL) + 1L) * PANEL * Float.BYTES;
    return binding.constant(
        input,
        "tiled vector",
        bytes,
        (values, target) -> {
          for (int c = 0; c < channels; c++) {
            target.setAtIndex(JAVA_FLOAT_UNALIGNED, c, values[c]);
          }
        });
  }
}
