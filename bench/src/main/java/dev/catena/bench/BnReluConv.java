package dev.catena.bench;

import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.rewrite.FuseBnReluConv;
import dev.catena.rewrite.Rewrite;
import org.openjdk.jmh.annotations.Param;

/** BN, ReLU and convolution, eight times in a row: three launches each, and one. */
public class BnReluConv extends PartsAndOne {
  private static final int CHANNELS = 128;

  /** Extent of the convolution. */
  @Param({"1", "3"})
  public int kernel;

  @Override
  Chain chain() {
    return new Chain("bn-relu-conv", 32, CHANNELS, 8, this::append);
  }

  @Override
  Rewrite fusion() {
    return new FuseBnReluConv();
  }

  private Value append(GraphBuilder b, int i, Value x) {
    Value normal = b.relu("relu" + i, b.batchNorm("norm" + i, x));
    return b.conv("conv" + i, normal, CHANNELS, kernel, 1, kernel / 2);
  }
}
