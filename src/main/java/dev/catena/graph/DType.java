package dev.catena.graph;

/**
 * Element types of activations and weights, and their conversions on the host.
 *
 * <p>Conversions from fp32 round to nearest, ties to even, and keep NaN a NaN, as the device does.
 */
public enum DType {
  FP32(4, "f32"),
  FP16(2, "f16"),
  BF16(2, "bf16");

  private final int bytes;
  private final String suffix;

  DType(int bytes, String suffix) {
    this.bytes = bytes;
    this.suffix = suffix;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** The ending of kernel names for this type: {@code f32}, {@code f16} or {@code bf16}. */
  public String suffix() {
    return suffix;
  }

  /** The sixteen bits of {@code value} in this two-byte type. */
  public short toBits(float value) {
    return switch (this) {
      case FP16 -> Float.floatToFloat16(value);
      case BF16 -> bfloat16(value);
      case FP32 -> throw new IllegalStateException("FP32 has 32 bits");
    };
  }

  /** The value of sixteen bits of this two-byte type. */
  public float fromBits(short bits) {
    return switch (this) {
      case FP16 -> Float.float16ToFloat(bits);
      case BF16 -> Float.intBitsToFloat(bits << 16);
      case FP32 -> throw new IllegalStateException("FP32 has 32 bits");
    };
  }

  /** {@code value} rounded to this type. */
  public float round(float value) {
    return this == FP32 ? value : fromBits(toBits(value));
  }

  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
