package dev.catena;

import dev.catena.graph.DType;
import dev.catena.graph.Precision;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * The options of both inference and training: types, image size, engines.
 *
 * @param <T> one of the two
 */
abstract class CompileOptions<T extends CompileOptions<T>> extends Options<T> {
  Precision precision = Precision.FP32;
  int height;
  int width;
  Optional<String> engine = Optional.empty();
  Optional<Path> tuning = Optional.empty();

  /** Activations, and for inference filters, in {@code type}; fp32 if nothing is said. */
  public T dtype(DType type) {
    return with(
        to -> to.precision = Precision.of(Objects.requireNonNull(type, "dtype"), to.tf32()));
  }

  /**
   * Allows fp32 products of factors rounded to TF32, ten bits of mantissa, where that is faster.
   * Not allowed by default. The host has nothing faster for it.
   */
  public T tf32(boolean allowed) {
    return with(to -> to.precision = Precision.of(to.dtype(), allowed));
  }

  /** Images of this size in pixels instead of the model's own. */
  public T image(int imageHeight, int imageWidth) {
    require(
        imageHeight >= 0 && imageWidth >= 0 && (imageHeight == 0) == (imageWidth == 0),
        "not the size of an image: " + imageHeight + "x" + imageWidth);
    return with(
        to -> {
          to.height = imageHeight;
          to.width = imageWidth;
        });
  }

  /** The named engine wherever it can, for comparison. */
  public T engine(String name) {
    return with(to -> to.engine = Optional.of(name));
  }

  /**
   * Measure engines that compete, and keep the choices in {@code folder}; without it the engines'
   * order of preference decides. Engines sum in orders of their own: the same choices give the same
   * bits; choices measured anew, on another machine or for another version, may not, nor need they
   * be those of running without measuring.
   */
  public T tuned(Path folder) {
    return with(to -> to.tuning = Optional.of(folder));
  }

  /** In which activations are stored. */
  public DType dtype() {
    return precision.dtype();
  }

  /** The precision of activations and products. */
  Precision precision() {
    return precision;
  }

  /** True if products are in fp32 and their factors may be rounded to TF32. */
  public boolean tf32() {
    return precision == Precision.TF32;
  }

  /** The engine that does all it can; empty for the usual choice. */
  public Optional<String> engine() {
    return engine;
  }

  /** The folder of measured choices; empty if nothing is measured. */
  public Optional<Path> tuning() {
    return tuning;
  }

  /** Pixels of an image, or 0 for the model's own size. */
  int height() {
    return height;
  }

  /** Pixels of an image, or 0 for the model's own size. */
  int width() {
    return width;
  }
}
