package dev.catena.io.datasets;

import dev.catena.io.Preprocessing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;

/**
 * The input of a network for a stored value v of channel c: (v − mean_c) · scale_c, in fp32.
 *
 * @param mean of each channel
 * @param scale of each channel, one divided by the standard deviation
 */
public record Normalization(List<Float> mean, List<Float> scale) {
  private static final float WHITE = 255;

  /** Checks that both have as many channels. */
  public Normalization {
    mean = List.copyOf(mean);
    scale = List.copyOf(scale);
    if (mean.size() != scale.size() || mean.isEmpty()) {
      throw new IllegalArgumentException(mean.size() + " means, " + scale.size() + " scales");
    }
  }

  /** Values as they are. */
  public static Normalization none(int channels) {
    return new Normalization(Collections.nCopies(channels, 0f), Collections.nCopies(channels, 1f));
  }

  /** The normalisation of ImageNet's models, for bytes. */
  static Normalization imagenet() {
    Preprocessing usual = Preprocessing.imageNet(224);
    return new Normalization(
        usual.mean().stream().map(m -> m * WHITE).toList(),
        usual.deviation().stream().map(d -> 1 / (d * WHITE)).toList());
  }

  /** The same for images whose one channel is repeated. */
  Normalization repeated(int channels) {
    return new Normalization(
        Collections.nCopies(channels, mean.getFirst()),
        Collections.nCopies(channels, scale.getFirst()));
  }

  /**
   * Normalises an image where it is.
   *
   * @param image fp32, C,H,W
   */
  public void apply(MemorySegment image) {
    long area = image.byteSize() / Float.BYTES / mean.size();
    for (int c = 0; c < mean.size(); c++) {
      float m = mean.get(c);
      float s = scale.get(c);
      for (long i = c * area; i < (c + 1) * area; i++) {
        float value = image.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        image.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (value - m) * s);
      }
    }
  }
}
