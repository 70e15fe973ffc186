package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A protobuf message by the numbers of its fields. Scalars that are repeated may be packed or not,
 * as the wire format allows; a field that is absent has its default.
 */
final class Message {
  private final UnknownFieldSet fields;

  private Message(UnknownFieldSet fields) {
    this.fields = fields;
  }

  /**
   * The message in {@code bytes}, which are not copied.
   *
   * @throws InvalidProtocolBufferException if they are none
   */
  static Message parse(ByteString bytes) throws InvalidProtocolBufferException {
    CodedInputStream in = bytes.newCodedInput();
    in.enableAliasing(true);
    try {
      UnknownFieldSet fields = UnknownFieldSet.newBuilder().mergeFrom(in).build();
      in.checkLastTagWas(0);
      return new Message(fields);
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new InvalidProtocolBufferException(e);
    }
  }

  boolean has(int number) {
    return fields.hasField(number);
  }

  /** The last of a number's values, as protobuf has it. */
  long integer(int number, long absent) {
    List<Long> all = integers(number);
    return all.isEmpty() ? absent : all.getLast();
  }

  List<Long> integers(int number) {
    UnknownFieldSet.Field field = fields.getField(number);
    List<Long> all = new ArrayList<>(field.getVarintList());
    for (ByteString packed : field.getLengthDelimitedList()) {
      CodedInputStream in = packed.newCodedInput();
      try {
        while (!in.isAtEnd()) {
          all.add(in.readRawVarint64());
        }
      } catch (IOException e) {
        throw new IllegalArgumentException("field " + number + " has no whole numbers", e);
      }
    }
    return all;
  }

  List<Float> floats(int number) {
    UnknownFieldSet.Field field = fields.getField(number);
    List<Float> all = new ArrayList<>();
    field.getFixed32List().forEach(bits -> all.add(Float.intBitsToFloat(bits)));
    for (ByteString packed : field.getLengthDelimitedList()) {
      ByteBuffer in = littleEndian(packed, number, Float.BYTES);
      while (in.hasRemaining()) {
        all.add(in.getFloat());
      }
    }
    return all;
  }

  List<Double> doubles(int number) {
    UnknownFieldSet.Field field = fields.getField(number);
    List<Double> all = new ArrayList<>();
    field.getFixed64List().forEach(bits -> all.add(Double.longBitsToDouble(bits)));
    for (ByteString packed : field.getLengthDelimitedList()) {
      ByteBuffer in = littleEndian(packed, number, Double.BYTES);
      while (in.hasRemaining()) {
        all.add(in.getDouble());
      }
    }
    return all;
  }

  private static ByteBuffer littleEndian(ByteString packed, int number, int size) {
    if (packed.size() % size != 0) {
      throw new IllegalArgumentException("field " + number + " has no whole numbers");
    }
    return packed.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  ByteString bytes(int number) {
    List<ByteString> all = fields.getField(number).getLengthDelimitedList();
    return all.isEmpty() ? ByteString.EMPTY : all.getLast();
  }

  String string(int number) {
    return bytes(number).toString(StandardCharsets.UTF_8);
  }

  List<String> strings(int number) {
    return fields.getField(number).getLengthDelimitedList().stream()
        .map(b -> b.toString(StandardCharsets.UTF_8))
        .toList();
  }

  /** The message in a field; empty if it is absent. */
  Message message(int number) throws InvalidProtocolBufferException {
    return parse(bytes(number));
  }

  List<Message> messages(int number) throws InvalidProtocolBufferException {
    List<Message> all = new ArrayList<>();
    for (ByteString bytes : fields.getField(number).getLengthDelimitedList()) {
      all.add(parse(bytes));
    }
    return all;
  }
}
