package dev.catena.engine.tiled;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.catena.device.Arguments;
import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;

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
  static final int DEPTH_MULTIPLE = 4;

  /** The value for an output channel of all groups, a tap and an input channel of its group. */
  @FunctionalInterface
  interface Values {
    float at(float[] filters, int output, int tap, int channel);
  }

  /**
   * Where {@link Layout#FILTERS} hold a value: elements from one to the next.
   *
   * @param first of the first output's first tap
   * @param outer from a run of channels to the next
   * @param run channels of the tap from a run to the next
   * @param channels of a run
   */
  record Steps(
      long first,
      long group,
      long output,
      long tap,
      long outer,
      long channel,
      int run,
      int channels) {
    /** Filters as a convolution reads them. */
    static Steps forward(Operand w, int outputs) {
      long taps = taps(w);
      int channels = w.shape().dim(1);
      long row = taps * w.pitch();
      return new Steps(0, outputs * row, row, w.pitch(), 0, 1, channels, channels);
    }

    /** A kernel row as one tap, {@code merged} elements for each of its pixels. */
    Steps rows(int kernelW, int merged) {
      return new Steps(first, group, output, kernelW * tap, tap, channel, merged, channels);
    }

    /** Turned by half a turn, input and output channels exchanged. */
    static Steps backward(Operand w, int outputs) {
      long taps = taps(w);
      long row = taps * w.pitch();
      long last = (taps - 1) * w.pitch();
      return new Steps(last, outputs * row, 1, -w.pitch(), 0, row, outputs, outputs);
    }

    private static long taps(Operand w) {
      return w.shape().rank() == 4 ? (long) w.shape().dim(2) * w.shape().dim(3) : 1;
    }
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

  /**
   * A launch that packs what is trained.
   *
   * @param source address of the filters
   * @param target address of {@link #bytes} bytes
   * @param filled input channels of a tap
   */
  Launch pack(Device device, long source, long target, Steps steps, int filled) {
    return pack(device, source, target, steps, filled, pairs ? 1 : 0);
  }

  /** The same with 16 values of Winograd's form for filters of nine taps. */
  Launch packWinograd(Device device, long source, long target, Steps steps, int filled) {
    return pack(device, source, target, steps, filled, 2);
  }

  private Launch pack(Device device, long source, long target, Steps steps, int filled, int form) {
    var parameters =
        Arguments.of(toString(), _ -> null)
            .set("w", source + steps.first() * dtype.bytes())
            .set("out", target)
            .set("groupStep", steps.group())
            .set("outputStep", steps.output())
            .set("tapStep", steps.tap())
            .set("outerStep", steps.outer())
            .set("channelStep", steps.channel())
            .set("outputs", outputs)
            .set("taps", taps)
            .set("depth", depth)
            .set("filled", filled)
            .set("inner", steps.run())
            .set("channels", steps.channels())
            .set("form", form);
    Dim grid = Dim.of(Math.toIntExact(panels()), groups);
    String kernel = "tiled_filters_" + dtype.suffix();
    return TiledCpu.launch(device, "tiled_filters", kernel, grid, 0, parameters);
  }

  /** Whether the filters of {@code problem} are trained: they are packed before each use. */
  static boolean trained(Problem problem) {
    return problem.input(1).layout() == Layout.FILTERS;
  }

  /** Address of a vector over channels: on the device already, or uploaded once. */
  static long vector(Problem problem, Binding binding, int input) {
    Operand vector = problem.input(input);
    return vector.layout() == Layout.DENSE
        ? binding.input(input)
        : uploadVector(binding, input, vector.shape().dim(0));
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
