package dev.catena.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.catena.error.FormatException;
import dev.catena.graph.DType;
import dev.catena.io.file.AtomicFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes a safetensors file, all or nothing.
 *
 * <p>Collect tensors with the {@code add} methods, then {@link #write}. The file depends on what
 * was added alone, not on the order: tensors come by descending alignment, then by name, and
 * metadata by key, as in the reference implementation. Values are fetched chunk by chunk while
 * writing, so that a network need not fit in the heap.
 *
 * <p>For one thread at a time. May be written several times.
 */
public final class SafeTensorsWriter {

  private static final int CHUNK = 1 << 20;
  private static final JsonFactory JSON = new JsonFactory();
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final SortedMap<String, String> metadata = new TreeMap<>();
  private final Set<String> names = new HashSet<>();
  private final List<Entry> entries = new ArrayList<>();

  /** Gives the values of a tensor piece by piece, for example from a device. */
  @FunctionalInterface
  public interface Source {
    /**
     * Fills {@code to} with fp32 elements in the machine's byte order.
     *
     * @param first the index of the first element wanted; calls come in order, without gaps
     * @param to room for the elements wanted, 4 bytes each
     */
    void read(long first, MemorySegment to) throws IOException;
  }

  private record Entry(
      String name, StoredType type, long[] shape, long bytes, AtomicFile.Content body) {}

  /** A writer of no tensors yet. */
  public SafeTensorsWriter() {}

  /** Adds a text to the header; a second text of the same key replaces the first. */
  public SafeTensorsWriter metadata(String key, String value) {
    metadata.put(checkText(key), checkText(value));
    return this;
  }

  /**
   * Adds a tensor.
   *
   * @param dtype the type to store; values are rounded to nearest
   * @param shape the extents, outermost first; none for a scalar
   * @param values read when the file is written
   * @throws IllegalArgumentException if the name is taken or not valid Unicode, or the shape is
   *     negative or too large
   */
  public SafeTensorsWriter add(String name, DType dtype, long[] shape, Source values) {
    StoredType type =
        switch (dtype) {
          case FP32 -> StoredType.F32;
          case FP16 -> StoredType.F16;
          case BF16 -> StoredType.BF16;
        };
    return add(name, type, shape, to -> writeFloats(to, dtype, elements(shape), values));
  }

  /**
   * Adds a tensor whose values, fp32 in the machine's byte order, lie in {@code values} until it is
   * written.
   */
  public SafeTensorsWriter add(String name, DType dtype, long[] shape, MemorySegment values) {
    checkBytes(name, Math.multiplyExact(elements(shape), Float.BYTES), values.byteSize());
    return add(
        name,
        dtype,
        shape,
        (first, to) -> MemorySegment.copy(values, first * Float.BYTES, to, 0, to.byteSize()));
  }

  /** Adds a tensor whose values are in {@code values}, read when it is written. */
  public SafeTensorsWriter add(String name, DType dtype, long[] shape, float[] values) {
    return add(name, dtype, shape, MemorySegment.ofArray(values));
  }

  /**
   * Adds a tensor of any type of the format as raw bytes, such as a {@link SafeTensors#segment} of
   * another file.
   *
   * @param dtype the format's name of the type, such as {@code I64}
   * @param data its elements, little-endian; read when the file is written
   */
  public SafeTensorsWriter addRaw(String name, String dtype, long[] shape, MemorySegment data) {
    StoredType type =
        StoredType.named(dtype)
            .orElseThrow(() -> new IllegalArgumentException("unknown dtype " + dtype));
    checkBytes(name, Math.multiplyExact(elements(shape), type.bytes()), data.byteSize());
    return add(
        name,
        type,
        shape,
        to -> {
          for (long at = 0; at < data.byteSize(); at += CHUNK) {
            AtomicFile.writeFully(
                to, data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
          }
        });
  }

  private SafeTensorsWriter add(
      String name, StoredType type, long[] shape, AtomicFile.Content body) {
    if (checkText(name).equals(SafeTensorsHeader.METADATA)) {
      throw new IllegalArgumentException("the name " + name + " is reserved by the format");
    } else if (!names.add(name)) {
      throw new IllegalArgumentException("two tensors are called " + FormatException.quote(name));
    }
    long bytes = Math.multiplyExact(elements(shape), type.bytes());
    entries.add(new Entry(name, type, shape.clone(), bytes, body));
    return this;
  }

  /**
   * Writes the file: to a temporary one beside it, forced to the disk and then renamed. Whatever
   * goes wrong, a file that was there before stays as it was.
   *
   * @throws IOException if it cannot be written, as on a full disk; or from a {@link Source}
   */
  public void write(Path file) throws IOException {
    entries.sort(Comparator.comparing(Entry::type).reversed().thenComparing(Entry::name));
    try {
      AtomicFile.write(file, this::write);
    } catch (IOException e) {
      throw named(file, e);
    }
  }

  private void write(FileChannel channel) throws IOException {
    AtomicFile.writeFully(channel, ByteBuffer.wrap(header()));
    for (Entry entry : entries) {
      entry.body().write(channel);
    }
  }

  private byte[] header() throws IOException {
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[Long.BYTES]);
    try (JsonGenerator json = JSON.createGenerator(out)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(SafeTensorsHeader.METADATA);
        for (var text : metadata.entrySet()) {
          json.writeStringField(text.getKey(), text.getValue());
        }
        json.writeEndObject();
      }
      long offset = 0;
      for (Entry entry : entries) {
        json.writeObjectFieldStart(entry.name());
        json.writeStringField("dtype", entry.type().name());
        json.writeFieldName("shape");
        json.writeArray(entry.shape(), 0, entry.shape().length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, offset + entry.bytes()}, 0, 2);
        json.writeEndObject();
        offset += entry.bytes();
      }
      json.writeEndObject();
    }
    // Spaces to a multiple of 8 align the data.
    while (out.size() % Long.BYTES != 0) {
      out.write(' ');
    }
    byte[] bytes = out.toByteArray();
    int length = bytes.length - Long.BYTES;
    if (length > SafeTensorsHeader.MAX_BYTES) {
      throw new IOException("a header of " + length + " bytes is more than the format allows");
    }
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    return bytes;
  }

  private static void writeFloats(FileChannel to, DType dtype, long elements, Source values)
      throws IOException {
    int chunk = (int) Math.min(CHUNK, elements);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, chunk);
      MemorySegment encoded = arena.allocate((long) dtype.bytes() * chunk, Float.BYTES);
      for (long first = 0; first < elements; first += chunk) {
        int n = (int) Math.min(chunk, elements - first);
        values.read(first, floats.asSlice(0, (long) Float.BYTES * n));
        if (dtype == DType.FP32) {
          MemorySegment.copy(floats, ValueLayout.JAVA_FLOAT, 0, encoded, FLOAT, 0, n);
        } else {
          for (int i = 0; i < n; i++) {
            encoded.setAtIndex(
                SHORT, i, dtype.toBits(floats.getAtIndex(ValueLayout.JAVA_FLOAT, i)));
          }
        }
        AtomicFile.writeFully(to, encoded.asSlice(0, (long) dtype.bytes() * n).asByteBuffer());
      }
    }
  }

  private FileSystemException named(Path file, IOException cause) {
    long bytes = entries.stream().mapToLong(Entry::bytes).sum();
    String free = "";
    try {
      Path folder = file.toAbsolutePath().getParent();
      free = ", " + Files.getFileStore(folder).getUsableSpace() + " are free";
    } catch (IOException _) {
      // The folder is gone or unreadable, which the cause says.
    }
    String why = cause.getMessage();
    if (cause instanceof FileSystemException known) {
      why = known.getReason() == null ? known.getClass().getSimpleName() : known.getReason();
    }
    var error =
        new FileSystemException(
            file.toString(),
            null,
            "not written: " + why + " (" + bytes + " bytes of tensors" + free + ")");
    error.initCause(cause);
    return error;
  }

  private static long elements(long[] shape) {
    long elements = 1;
    try {
      for (long extent : shape) {
        if (extent < 0) {
          throw new IllegalArgumentException("negative shape " + Arrays.toString(shape));
        }
        elements = Math.multiplyExact(elements, extent);
      }
      Math.multiplyExact(elements, Long.BYTES);
    } catch (ArithmeticException _) {
      throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " is too large");
    }
    return elements;
  }

  private static void checkBytes(String name, long wanted, long given) {
    if (wanted != given) {
      throw new IllegalArgumentException(
          "tensor "
              + FormatException.quote(name)
              + " takes "
              + wanted
              + " bytes, given are "
              + given);
    }
  }

  /** A lone surrogate has no UTF-8. */
  private static String checkText(String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(FormatException.quote(text) + " is not valid Unicode");
    }
    return text;
  }
}
