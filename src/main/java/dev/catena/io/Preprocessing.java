package dev.catena.io;

import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Turns a picture into a network's input, as torchvision does: the shorter side is resized, the
 * middle is cut out, and channels c become (value / 255 − mean_c) / deviation_c.
 *
 * @param resize pixels of the shorter side
 * @param crop pixels of both sides of what is cut out, at most {@code resize}
 * @param interpolation of pixels where the picture is resized
 * @param mean of red, green and blue, from 0 to 1
 * @param deviation of red, green and blue
 */
public record Preprocessing(
    int resize, int crop, Interpolation interpolation, List<Float> mean, List<Float> deviation)
    implements Serializable {
  /** How pixels between pixels are found; antialiased where a picture shrinks, as in Pillow. */
  public enum Interpolation {
    /** Of the nearest pixels, by distance. */
    BILINEAR,
    /** Of four by four pixels, by cubic curves. */
    BICUBIC
  }

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
        crop * 8 / 7,
        crop,
        Interpolation.BILINEAR,
        List.of(0.485f, 0.456f, 0.406f),
        List.of(0.229f, 0.224f, 0.225f));
  }

  /**
   * What a file says: {@code preprocessor_config.json} of transformers, or timm's {@code
   * config.json}. Fields that are not there have the defaults of these libraries.
   *
   * @throws IOException if the file cannot be read
   * @throws dev.catena.error.ModelFormatException if it says nothing of pictures, or something that
   *     this record cannot, such as another interpolation or no square
   */
  public static Preprocessing read(Path file) throws IOException {
    return PreprocessingFile.read(file)
        .orElseThrow(
            () ->
                new ModelFormatException(
                    file,
                    "",
                    "says nothing of pictures",
                    "Give preprocessor_config.json, or timm's config.json."));
  }

  /**
   * What such a file in the folder of {@code weights} says; empty if there is none.
   *
   * @throws IOException if the file cannot be read
   * @throws dev.catena.error.ModelFormatException as {@link #read}
   */
  public static Optional<Preprocessing> beside(Path weights) throws IOException {
    return PreprocessingFile.beside(weights);
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
    byte[] rgb = image.centerCrop(resize, crop, interpolation).rgb();
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
