package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.catena.graph.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Numbers in a model: TensorProto of ONNX, its data in this file or beside it.
 *
 * @param name in the model
 * @param dims extents, outermost first; empty for a scalar
 * @param type of the elements
 * @param data little-endian, row-major
 */
record OnnxTensor(String name, List<Integer> dims, Type type, ByteString data) {
  /** Element types that a network's numbers come in, by ONNX's number. */
  enum Type {
    FLOAT(1, 4),
    INT32(6, 4),
    INT64(7, 8),
    BOOL(9, 1),
    FLOAT16(10, 2),
    DOUBLE(11, 8),
    BFLOAT16(16, 2);

    final int number;
    final int bytes;

    Type(int number, int bytes) {
      this.number = number;
      this.bytes = bytes;
    }

    boolean real() {
      return this == FLOAT || this == FLOAT16 || this == BFLOAT16 || this == DOUBLE;
    }
  }

  /** Product of the extents; the constructor's caller has checked that the data has as many. */
  int elements() {
    return elements(dims);
  }

  static int elements(List<Integer> dims) {
    return dims.stream().reduce(1, Math::multiplyExact);
  }

  /** A list of whole numbers, such as an operator's arithmetic on shapes makes. */
  static OnnxTensor of(List<Long> values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.size(), Long.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(bytes::putLong);
    return new OnnxTensor(
        "", List.of(values.size()), Type.INT64, ByteString.copyFrom(bytes.flip()));
  }

  /** Numbers of a type, such as arithmetic on constants makes. */
  static OnnxTensor of(List<Integer> dims, Type type, double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Long.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      if (type.real()) {
        bytes.putDouble(value);
      } else {
        bytes.putLong((long) value);
      }
    }
    Type stored = type.real() ? Type.DOUBLE : Type.INT64;
    return new OnnxTensor("", dims, stored, ByteString.copyFrom(bytes.flip()));
  }

  /** The same under a name. */
  OnnxTensor named(String other) {
    return new OnnxTensor(other, dims, type, data);
  }

  /** The same elements in the same order, with other extents. */
  OnnxTensor as(List<Integer> other) {
    return new OnnxTensor(name, other, type, data);
  }

  /**
   * A tensor of these elements in another order.
   *
   * @param other its extents
   * @param from index here of the element at an index there
   */
  OnnxTensor picked(List<Integer> other, IntUnaryOperator from) {
    ByteBuffer picked = ByteBuffer.allocate(Math.multiplyExact(elements(other), type.bytes));
    for (int i = 0; picked.hasRemaining(); i++) {
      int first = from.applyAsInt(i) * type.bytes;
      for (int b = 0; b < type.bytes; b++) {
        picked.put(data.byteAt(first + b));
      }
    }
    return new OnnxTensor(name, other, type, UnsafeByteOperations.unsafeWrap(picked.flip()));
  }

  /** The elements of a walk. */
  OnnxTensor walked(Walk walk, List<Integer> other) {
    int[] extents = walk.loops().stream().mapToInt(Walk.Loop::extent).toArray();
    int[] strides = walk.loops().stream().mapToInt(Walk.Loop::stride).toArray();
    return picked(
        other,
        index -> {
          int at = walk.offset();
          int rest = index;
          for (int i = extents.length - 1; i >= 0; i--) {
            at += rest % extents[i] * strides[i];
            rest /= extents[i];
          }
          return at;
        });
  }

  /** All elements as doubles. */
  double[] numbers() {
    if (type == Type.DOUBLE) {
      double[] values = new double[elements()];
      data.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
      return values;
    }
    if (!type.real()) {
      return integers().stream().mapToDouble(Long::doubleValue).toArray();
    }
    float[] floats = floats();
    return IntStream.range(0, floats.length).mapToDouble(i -> floats[i]).toArray();
  }

  /** All elements, rounded to fp32. */
  float[] floats() {
    ByteBuffer in = data.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case FLOAT -> in.getFloat();
            case DOUBLE -> (float) in.getDouble();
            case FLOAT16 -> DType.FP16.fromBits(in.getShort());
            case BFLOAT16 -> DType.BF16.fromBits(in.getShort());
            case INT32 -> in.getInt();
            case INT64 -> in.getLong();
            case BOOL -> in.get();
          };
    }
    return values;
  }

  /** All elements of a tensor of whole numbers. */
  List<Long> integers() {
    ByteBuffer in = data.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    Long[] values = new Long[elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case INT32 -> (long) in.getInt();
            case INT64 -> in.getLong();
            case BOOL -> (long) in.get();
            default -> throw new OnnxOperator.Unsupported(name + " is no list of whole numbers");
          };
    }
    return List.of(values);
  }
}
