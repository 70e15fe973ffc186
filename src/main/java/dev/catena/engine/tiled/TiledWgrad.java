package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.ConvolutionShape;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;

/**
 * {@code native/host/tiled_wgrad.cpp}: the gradient of a convolution by its filters, through its
 * prologue. Its cut into blocks does not depend on the number of threads.
 */
final class TiledWgrad {
  /** Blocks of rows, each with partial filters, as long as these are small. */
  private static final int MOST_BLOCKS = 32;

  private static final int LEAST_BLOCKS = 8;

  /** Bytes of partial filters that all blocks together should keep to. */
  private static final long PARTIAL_BYTES = 16L << 20;

  /** Pixels of a strip: a panel of them and of the gradient stay in the L1 cache. */
  private static final int STRIP_PIXELS = 128;

  /** {@code kWindows} of the kernel. */
  private static final int WINDOWS = 32;

  private final TrainingOp.ConvWgrad op;
  private final Problem problem;
  private final Shape g;
  private final Shape x;
  private final int channels;
  private final int outputs;
  private final int merged;
  private final boolean winograd;
  private final int rows;

  TiledWgrad(Problem problem, TrainingOp.ConvWgrad op) {
    this.op = op;
    this.problem = problem;
    g = TiledDgrad.image(problem.input(0).shape(), op.conv());
    x = TiledDgrad.image(problem.input(1).shape(), op.conv());
    channels = x.c() / op.conv().groups();
    outputs = g.c() / op.conv().groups();
    merged = TiledConvolution.merged(channels, op.conv().stride(), false);
    // Windows of two columns: what lies beside the image would not be zero.
    winograd = g.w() % 2 == 0 && TiledWinograd.suitsFilters(op.conv(), channels, outputs, g);
    int most = Math.clamp(PARTIAL_BYTES / filterBytes(), LEAST_BLOCKS, MOST_BLOCKS);
    rows = Math.ceilDiv(g.n() * g.h(), most);
  }

  private int blocks() {
    return Math.ceilDiv(g.n() * g.h(), rows);
  }

  private int taps() {
    if (winograd) {
      return TiledWinograd.POSITIONS;
    }
    return merged > 0 ? op.conv().kernelH() : op.conv().kernelH() * op.conv().kernelW();
  }

  /** Elements of a partial tap. */
  private int pitch() {
    int columns = merged > 0 ? op.conv().kernelW() * merged : channels;
    return Math.ceilDiv(columns, TiledFilters.PANEL) * TiledFilters.PANEL;
  }

  /** Each block's partial filters. */
  long workspace() {
    return blocks() * filterBytes();
  }

  private long filterBytes() {
    return (long) g.c() * taps() * pitch() * Float.BYTES;
  }

  List<Launch> prepare(Binding binding, Device device) {
    Op.Conv conv = op.conv();
    int padded = x.w() + 2 * conv.padW();
    int line = merged > 0 ? padded * merged + 16 : padded * TiledCpu.pixelWords(channels, false);
    int gLine = g.w() * TiledCpu.pixelWords(outputs, false);
    int unit = winograd ? 2 : 1;
    int strip = Math.max(Math.min(STRIP_PIXELS / g.w(), rows) & -unit, unit);
    long lines = (strip - 1L) * conv.stride() + conv.kernelH();
    long words = (long) strip * gLine + lines * line + TiledFilters.PANEL + windowWords();
    var partial =
        TiledParameters.of(problem)
            .set(
                "x",
                Image.of(problem, binding, 1, x, channels, conv.prologue(), 2, conv.padW(), merged))
            .set("g", Image.plain(problem, binding, 0, g, outputs, 0))
            .set("partial", binding.workspace())
            .set(
                "shape",
                ConvolutionShape.of(conv, x, g, conv.padH(), conv.padW(), merged, rows, strip))
            .set("images", g.n())
            .set("winograd", winograd);
    var sums =
        TiledParameters.of(problem)
            .set("partial", binding.workspace())
            .set("dw", binding.output())
            .set("blocks", blocks())
            .set("taps", taps())
            .set("partialPitch", pitch())
            .set("runs", merged > 0 ? conv.kernelW() : 1)
            .set("run", merged)
            .set("channels", channels)
            .set("pitch", problem.output().pitch())
            .set("winograd", winograd);
    String file = "tiled_wgrad";
    String kernel = "tiled_wgrad_" + problem.input(0).dtype().suffix();
    Dim blocks = Dim.of(blocks(), conv.groups());
    Dim filters = Dim.of(outputs, conv.groups());
    return List.of(
        TiledCpu.launch(device, file, kernel, blocks, words, partial),
        TiledCpu.launch(device, file, "tiled_wgrad_sums", filters, 0, sums));
  }

  /** Words of scratch for windows in Winograd's form. */
  private long windowWords() {
    int pixels = TiledCpu.pixelWords(outputs, false) + TiledCpu.pixelWords(channels, false);
    return winograd ? (long) TiledWinograd.POSITIONS * WINDOWS * pixels : 0;
  }
}
