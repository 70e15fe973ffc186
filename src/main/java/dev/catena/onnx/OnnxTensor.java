package dev.catena.onnx;

import com.google.protobuf.ByteString;
import dev.catena.graph.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

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
        ByteBuffer.allocate(values.size() * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(bytes::putLong);
    return new OnnxTensor(
        "", List.of(values.size()), Type.INT64, ByteString.copyFrom(bytes.flip()));
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
