package dev.catena.graph;

/** In which numbers a network is computed: how activations are stored, how factors are rounded. */
public enum Precision {
  /** Stored and multiplied in fp32. */
  FP32(DType.FP32),
  /**
   * Stored in fp32; factors may be rounded to TF32, ten bits of mantissa, where that is faster.
   * Sums are in fp32.
   */
  TF32(DType.FP32),
  /** Stored in fp16. */
  FP16(DType.FP16),
  /** Stored in bf16. */
  BF16(DType.BF16);

  private final DType dtype;

  Precision(DType dtype) {
    this.dtype = dtype;
  }

  /**
   * The precision of values stored in {@code dtype}.
   *
   * @param tf32 whether factors may be rounded to TF32, which says nothing but of fp32
   */
  public static Precision of(DType dtype, boolean tf32) {
    return switch (dtype) {
      case FP32 -> tf32 ? TF32 : FP32;
      case FP16 -> FP16;
      case BF16 -> BF16;
    };
  }

  /** The type in which activations are stored. */
  public DType dtype() {
    return dtype;
  }
}
