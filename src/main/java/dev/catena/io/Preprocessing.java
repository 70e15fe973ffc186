package dev.catena.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Turns a picture into a network's input, as torchvision does: the shorter side is resized, the
 * middle is cut out, and channels c become (value / 255 − mean_c) / deviation_c.
 *
 * @param resize pixels of the shorter side
 * @param crop pixels of both sides of what is cut out, at most {@code resize}
 * @param mean of red, green and blue, from 0 to 1
 * @param deviation of red, green and blue
 */
public record Preprocessing(int resize, int crop, List<Float> mean, List<Float> deviation) {
  /** Checks the sizes. */
  public Preprocessing {
    mean = List.copyOf(mean);
    deviation = List.copyOf(deviation);
    if (crop < 1 || crop > resize || mean.size() != 3 || deviation.size() != 3) {
      throw new IllegalArgumentException(
          "cannot cut %d from %d pixels with %s and %s".formatted(crop, resize, mean, deviation));
    }
  }

  /**
   * The preprocessing of ImageNet's models: 224 pixels, cut from 256, or the same share for other
   * sizes.
   */
  public static Preprocessing imageNet(int crop) {
    return new Preprocessing(
        crop * 8 / 7, crop, List.of(0.485f, 0.456f, 0.406f), List.of(0.229f, 0.224f, 0.225f));
  }

  /** The input for {@code image}, C,H,W: 3 x crop x crop. */
  public float[] apply(Image image) {
    float[] input = new float[3 * crop * crop];
    apply(image, MemorySegment.ofArray(input));
    return input;
  }

  /**
   * Writes the input for {@code image} to {@code to}.
   *
   * @param to room for exactly 3 · crop · crop floats, C,H,W
   */
  public void apply(Image image, MemorySegment to) {
    int pixels = crop * crop;
    if (to.byteSize() != 3L * pixels * Float.BYTES) {
      throw new IllegalArgumentException(
          "a picture of %d x %d takes %d bytes of fp32, the segment has %d"
              .formatted(crop, crop, 3L * pixels * Float.BYTES, to.byteSize()));
    }
    byte[] rgb = image.centerCrop(resize, crop).rgb();
    for (int channel = 0; channel < 3; channel++) {
      float m = mean.get(channel);
      float d = deviation.get(channel);
      for (int i = 0; i < pixels; i++) {
        float value = (rgb[3 * i + channel] & 0xff) / 255f;
        to.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            Float.BYTES * ((long) channel * pixels + i),
            (value - m) / d);
      }
    }
  }
}
