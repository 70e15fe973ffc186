package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.catena.error.FormatException;
import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads tensors of one model. Data outside the model's file is taken from files of its folder only,
 * never through a link.
 */
final class TensorReader {
  static final int DIMS = 1;
  static final int TYPE = 2;
  private static final int FLOATS = 4;
  private static final int INTS = 5;
  private static final int LONGS = 7;
  static final int NAME = 8;
  static final int RAW = 9;
  private static final int DOUBLES = 10;
  static final int EXTERNAL = 13;
  static final int LOCATION = 14;
  static final int OUTSIDE = 1;

  static final int KEY = 1;
  static final int VALUE = 2;

  private final Path model;

  TensorReader(Path model) {
    this.model = model;
  }

  /**
   * A checked tensor.
   *
   * @throws ModelFormatException if it does not have as many elements as its extents say, or is of
   *     a type that no network computes with
   */
  OnnxTensor read(Message message) throws IOException {
    String name = message.string(NAME);
    OnnxTensor.Type type = type(name, message.integer(TYPE, 0));
    List<Integer> dims;
    long bytes;
    try {
      dims = message.integers(DIMS).stream().map(Math::toIntExact).toList();
      bytes = Math.multiplyExact((long) OnnxTensor.elements(dims), type.bytes);
    } catch (ArithmeticException e) {
      throw error(name, "its extents " + message.integers(DIMS) + " are too large");
    }
    if (dims.stream().anyMatch(d -> d < 0)) {
      throw error(name, "it has a negative extent: " + dims);
    }
    ByteString data =
        message.integer(LOCATION, 0) == OUTSIDE
            ? outside(name, entries(message), bytes)
            : inside(message, type);
    if (data.size() != bytes) {
      throw error(
          name, "%s of %s takes %d bytes, not %d".formatted(type, dims, bytes, data.size()));
    }
    return new OnnxTensor(name, dims, type, data);
  }

  private OnnxTensor.Type type(String name, long number) {
    for (OnnxTensor.Type type : OnnxTensor.Type.values()) {
      if (type.number == number) {
        return type;
      }
    }
    throw error(name, "its elements have ONNX's type " + number + ", with which nothing computes");
  }

  private static ByteString inside(Message message, OnnxTensor.Type type) {
    if (message.has(RAW)) {
      return message.bytes(RAW);
    }
    List<? extends Number> values =
        switch (type) {
          case FLOAT -> message.floats(FLOATS);
          case DOUBLE -> message.doubles(DOUBLES);
          case INT64 -> message.integers(LONGS);
          case INT32, BOOL, FLOAT16, BFLOAT16 -> message.integers(INTS);
        };
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.size(), type.bytes))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (Number value : values) {
      switch (type) {
        case FLOAT -> bytes.putFloat(value.floatValue());
        case DOUBLE -> bytes.putDouble(value.doubleValue());
        case INT64 -> bytes.putLong(value.longValue());
        case INT32 -> bytes.putInt(value.intValue());
        case FLOAT16, BFLOAT16 -> bytes.putShort(value.shortValue());
        case BOOL -> bytes.put(value.byteValue());
      }
    }
    return UnsafeByteOperations.unsafeWrap(bytes.flip());
  }

  private static Map<String, String> entries(Message message)
      throws InvalidProtocolBufferException {
    Map<String, String> entries = new HashMap<>();
    for (Message entry : message.messages(EXTERNAL)) {
      entries.put(entry.string(KEY), entry.string(VALUE));
    }
    return entries;
  }

  private ByteString outside(String name, Map<String, String> where, long bytes)
      throws IOException {
    Path file = beside(name, where.getOrDefault("location", ""));
    long offset;
    long length;
    try {
      offset = Long.parseLong(where.getOrDefault("offset", "0"));
      length = Long.parseLong(where.getOrDefault("length", String.valueOf(bytes)));
    } catch (NumberFormatException e) {
      throw error(name, "its place in " + file.getFileName() + " is no number");
    }
    long size = Files.size(file);
    if (offset < 0 || length != bytes || offset > size - length) {
      throw error(
          name,
          "%d bytes at %d of %s, which has %d, are not the %d that it takes"
              .formatted(length, offset, file.getFileName(), size, bytes));
    }
    try (FileChannel channel = FileChannel.open(file)) {
      return UnsafeByteOperations.unsafeWrap(
          channel.map(FileChannel.MapMode.READ_ONLY, offset, length));
    }
  }

  /**
   * A regular file below the model's folder, or below that of the file that the model is a link to:
   * a hub's cache keeps a model and its data as links to such a folder.
   */
  private Path beside(String name, String location) throws IOException {
    try {
      Path relative = Path.of(location);
      Path folder = model.toAbsolutePath().normalize().getParent();
      Path file = folder.resolve(relative).normalize();
      if (!location.isEmpty() && !relative.isAbsolute() && file.startsWith(folder)) {
        Path real = file.toRealPath();
        boolean within =
            real.startsWith(folder.toRealPath()) || real.startsWith(model.toRealPath().getParent());
        if (within && Files.isRegularFile(real)) {
          return real;
        }
      }
    } catch (InvalidPathException | NoSuchFileException e) {
      // There is no such file.
    }
    throw error(
        name,
        "its data is in "
            + FormatException.quote(location)
            + ", which is no file of the model's folder");
  }

  private ModelFormatException error(String name, String reason) {
    return new ModelFormatException(
        model, "tensor " + FormatException.quote(name), reason, "Export the model again");
  }
}
