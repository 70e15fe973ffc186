package dev.catena.bench;

import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.rewrite.FuseShortcut;
import dev.catena.rewrite.Rewrite;

/**
 * PyramidNet's shortcut, eight times in a row: sixteen channels of zeros appended, a sum, a
 * normalisation. Three launches each, and one; the convolution that makes the other summand, of
 * eight channels, is in both.
 */
public class Shortcut extends PartsAndOne {
  private static final int CHANNELS = 64;
  private static final int WIDER = 16;

  @Override
  Chain chain() {
    return new Chain("shortcut", 32, CHANNELS, 8, Shortcut::append);
  }

  @Override
  Rewrite fusion() {
    return new FuseShortcut();
  }

  private static Value append(GraphBuilder b, int i, Value x) {
    int channels = CHANNELS + (i + 1) * WIDER;
    Value residual = b.conv("conv" + i, b.conv("narrow" + i, x, 8, 1, 1, 0), channels, 1, 1, 0);
    Value sum = b.add("add" + i, residual, b.padChannels("pad" + i, x, channels));
    return b.batchNorm("norm" + i, sum);
  }
}
