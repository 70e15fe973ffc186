package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A protobuf message in the making, field after field. What is put in is not copied, however large
 * and however deep it lies. Not thread-safe.
 */
final class MessageWriter {
  /** Something written to a stream that fails only if memory does. */
  @FunctionalInterface
  private interface Scalar {
    void write(CodedOutputStream out) throws IOException;
  }

  private final List<ByteString> parts = new ArrayList<>();

  MessageWriter integer(int number, long value) {
    return scalar(
        out -> {
          out.writeTag(number, WireFormat.WIRETYPE_VARINT);
          out.writeUInt64NoTag(value);
        });
  }

  MessageWriter number(int number, float value) {
    return scalar(
        out -> {
          out.writeTag(number, WireFormat.WIRETYPE_FIXED32);
          out.writeFloatNoTag(value);
        });
  }

  MessageWriter text(int number, String text) {
    return bytes(number, ByteString.copyFromUtf8(text));
  }

  MessageWriter message(int number, MessageWriter message) {
    return bytes(number, message.built());
  }

  MessageWriter bytes(int number, ByteString bytes) {
    scalar(
        out -> {
          out.writeTag(number, WireFormat.WIRETYPE_LENGTH_DELIMITED);
          out.writeUInt32NoTag(bytes.size());
        });
    parts.add(bytes);
    return this;
  }

  private MessageWriter scalar(Scalar scalar) {
    ByteString.Output bytes = ByteString.newOutput();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      scalar.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    parts.add(bytes.toByteString());
    return this;
  }

  ByteString built() {
    return ByteString.copyFrom(parts);
  }
}
