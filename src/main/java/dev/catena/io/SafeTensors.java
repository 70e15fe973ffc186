package dev.catena.io;

import dev.catena.error.FormatException;
import dev.catena.error.ModelFormatException;
import dev.catena.io.file.RegularFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A safetensors file, mapped into memory and checked in full when it is opened.
 *
 * <p>Tensors are row-major and little-endian. All methods may be called by many threads at once.
 * After {@link #close()} the names, shapes and metadata stay readable; reading data throws {@link
 * IllegalStateException}. While a file is open nobody may shorten it: replace a file in use by
 * renaming, as {@link SafeTensorsWriter} does.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The format</a>
 */
public final class SafeTensors implements AutoCloseable {

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private final Path file;
  private final Arena arena;
  private final MemorySegment bytes;
  private final SequencedMap<String, Tensor> tensors;
  private final SequencedMap<String, String> metadata;

  /**
   * One tensor of a file.
   *
   * @param name its name, unique in the file
   * @param dtype the element type by the format's name, such as {@code F32}, {@code BF16} or {@code
   *     I64}
   * @param shape the extents, outermost first; empty for a scalar
   * @param begin its first byte in the file
   * @param end the byte behind its last
   */
  public record Tensor(String name, String dtype, long[] shape, long begin, long end) {
    /** Copies the shape. */
    public Tensor {
      shape = shape.clone();
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** The number of elements; 1 for a scalar. */
    public long elements() {
      return bytes() / type().bytes();
    }

    /** The size of its data in bytes. */
    public long bytes() {
      return end - begin;
    }

    StoredType type() {
      return StoredType.valueOf(dtype);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Tensor(String n, String d, long[] s, long b, long e)
          && name.equals(n)
          && dtype.equals(d)
          && Arrays.equals(shape, s)
          && begin == b
          && end == e;
    }

    @Override
    public int hashCode() {
      return Objects.hash(name, dtype, Arrays.hashCode(shape), begin, end);
    }

    /** For people: {@code conv.weight F32[64, 3, 7, 7]}. */
    @Override
    public String toString() {
      return name + " " + dtype + Arrays.toString(shape);
    }
  }

  private SafeTensors(Path file, Arena arena, MemorySegment bytes) {
    SafeTensorsHeader header = new SafeTensorsHeader(file, bytes);
    this.file = file;
    this.arena = arena;
    this.bytes = bytes.asReadOnly();
    this.tensors = header.tensors();
    this.metadata = header.metadata();
  }

  /**
   * Maps {@code file} and checks its header.
   *
   * @throws IOException if the file cannot be read
   * @throws ModelFormatException if it is not a sound safetensors file
   */
  @SuppressWarnings("MustBeClosedChecker") // The arena is the result's, which closes it.
  public static SafeTensors open(Path file) throws IOException {
    RegularFile.require(file);
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new SafeTensors(file, arena, bytes);
    } catch (InternalError e) {
      arena.close();
      throw shortened(file, "", e);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** The file read. */
  public Path file() {
    return file;
  }

  /** The tensors by name, in the order of their data in the file. */
  public SequencedMap<String, Tensor> tensors() {
    return tensors;
  }

  /** The free-form texts of the header, in their order. */
  public SequencedMap<String, String> metadata() {
    return metadata;
  }

  /**
   * The tensor called {@code name}.
   *
   * @throws ModelFormatException if there is none; the message names those that come near
   */
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new ModelFormatException(
          file, "", "has no tensor " + FormatException.quote(name), remedyForMissing(name));
    }
    return tensor;
  }

  /**
   * The bytes of a tensor as they stand in the file: a read-only view, valid until {@link
   * #close()}, perhaps unaligned.
   */
  public MemorySegment segment(String name) {
    Tensor tensor = tensor(name);
    checkOpen();
    return bytes.asSlice(tensor.begin(), tensor.bytes());
  }

  /**
   * The elements of a tensor as fp32; see {@link #floats(String, MemorySegment)}.
   *
   * @throws ModelFormatException also if the tensor has more elements than an array can
   */
  public float[] floats(String name) {
    float[] values = new float[arrayLength(tensor(name))];
    floats(name, MemorySegment.ofArray(values));
    return values;
  }

  /**
   * Writes the elements of a tensor as fp32, in the machine's byte order, to {@code to}.
   *
   * <p>F32, F16 and BF16 are exact. F64 is rounded to nearest. Integers and BOOL are read where
   * fp32 holds each value exactly.
   *
   * @param to room for exactly the tensor's elements, 4 bytes each
   * @throws ModelFormatException if an element has no such fp32 value, or the type is none of these
   */
  public void floats(String name, MemorySegment to) {
    Tensor tensor = tensor(name);
    checkRoom(tensor, to, Float.BYTES);
    try {
      convert(tensor, segment(name), to);
      deliverFaults();
    } catch (InternalError e) {
      throw shortened(file, SafeTensorsHeader.tensorPlace(name), e);
    }
  }

  /**
   * The elements of an integer or BOOL tensor.
   *
   * @throws ModelFormatException if the type is another, a U64 element is 2^63 or more, or there
   *     are more elements than an array can have
   */
  public long[] longs(String name) {
    Tensor tensor = tensor(name);
    long[] values = new long[arrayLength(tensor)];
    MemorySegment from = segment(name);
    try {
      for (int i = 0; i < values.length; i++) {
        values[i] = integer(tensor, from, i);
      }
      deliverFaults();
    } catch (InternalError e) {
      throw shortened(file, SafeTensorsHeader.tensorPlace(name), e);
    }
    return values;
  }

  /** Unmaps the file. Views of it throw from now on. May be called twice. */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  private void convert(Tensor tensor, MemorySegment from, MemorySegment to) {
    long n = tensor.elements();
    switch (tensor.type()) {
      case F32 -> MemorySegment.copy(from, FLOAT, 0, to, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, n);
      case F16 -> {
        for (long i = 0; i < n; i++) {
          put(to, i, Float.float16ToFloat(from.get(SHORT, 2 * i)));
        }
      }
      case BF16 -> {
        for (long i = 0; i < n; i++) {
          put(to, i, Float.intBitsToFloat(from.get(SHORT, 2 * i) << 16));
        }
      }
      case F64 -> {
        for (long i = 0; i < n; i++) {
          double value = from.get(DOUBLE, 8 * i);
          if (Double.isFinite(value) && Float.isInfinite((float) value)) {
            throw inexact(tensor, i, value);
          }
          put(to, i, (float) value);
        }
      }
      default -> {
        for (long i = 0; i < n; i++) {
          long value = integer(tensor, from, i);
          // 2^63 - 1 becomes 2^63, which casts back by clamping.
          if ((long) (float) value != value || value == Long.MAX_VALUE) {
            throw inexact(tensor, i, value);
          }
          put(to, i, (float) value);
        }
      }
    }
  }

  private long integer(Tensor tensor, MemorySegment from, long i) {
    return switch (tensor.type()) {
      case BOOL, U8 -> from.get(BYTE, i) & 0xff;
      case I8 -> from.get(BYTE, i);
      case U16 -> from.get(SHORT, 2 * i) & 0xffff;
      case I16 -> from.get(SHORT, 2 * i);
      case U32 -> from.get(INT, 4 * i) & 0xffff_ffffL;
      case I32 -> from.get(INT, 4 * i);
      case I64 -> from.get(LONG, 8 * i);
      case U64 -> {
        long value = from.get(LONG, 8 * i);
        if (value < 0) {
          throw inexact(tensor, i, Long.toUnsignedString(value));
        }
        yield value;
      }
      default ->
          throw new ModelFormatException(
              file,
              SafeTensorsHeader.tensorPlace(tensor.name()),
              "elements of type " + tensor.dtype() + " cannot be read as such numbers",
              "Convert the tensor to F32, F16 or BF16.");
    };
  }

  private static void put(MemorySegment to, long index, float value) {
    to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, Float.BYTES * index, value);
  }

  private int arrayLength(Tensor tensor) {
    if (tensor.elements() > MAX_ARRAY) {
      throw new ModelFormatException(
          file,
          SafeTensorsHeader.tensorPlace(tensor.name()),
          "has " + tensor.elements() + " elements, more than a Java array",
          "Read it into a MemorySegment.");
    }
    return (int) tensor.elements();
  }

  private static void checkRoom(Tensor tensor, MemorySegment to, int bytes) {
    long wanted = Math.multiplyExact(tensor.elements(), bytes);
    if (to.byteSize() != wanted) {
      throw new IllegalArgumentException(
          tensor + " takes " + wanted + " bytes of fp32, the segment has " + to.byteSize());
    }
  }

  private void checkOpen() {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(file + " is closed");
    }
  }

  private ModelFormatException inexact(Tensor tensor, long index, Object value) {
    return new ModelFormatException(
        file,
        SafeTensorsHeader.tensorPlace(tensor.name()),
        "element " + index + " is " + value + ", beyond what can be read exactly",
        "Store the tensor as F32.");
  }

  /**
   * The machine tells of a fault in mapped memory at its next safepoint, which in compiled code may
   * come after the caller's {@code try}: so have one inside it.
   */
  private static void deliverFaults() {
    Thread.yield();
  }

  /** The machine's word for a mapped page that is no longer there is InternalError. */
  private static ModelFormatException shortened(Path file, String place, InternalError cause) {
    var error =
        new ModelFormatException(
            file,
            place,
            "the file was shortened while it was open",
            "Replace files in use by renaming.");
    error.initCause(cause);
    return error;
  }

  private String remedyForMissing(String name) {
    if (tensors.isEmpty()) {
      return "It has no tensors at all.";
    }
    String near =
        tensors.keySet().stream()
            .sorted(Comparator.comparingInt(other -> -likeness(name, other)))
            .limit(3)
            .map(FormatException::quote)
            .collect(Collectors.joining(", "));
    return "Nearest are " + near + ": perhaps the weights of another model?";
  }

  /** The number of chars that the names share at both ends. */
  private static int likeness(String a, String b) {
    int most = Math.min(a.length(), b.length());
    int head = 0;
    while (head < most && a.charAt(head) == b.charAt(head)) {
      head++;
    }
    int tail = 0;
    while (tail < most - head
        && a.charAt(a.length() - 1 - tail) == b.charAt(b.length() - 1 - tail)) {
      tail++;
    }
    return head + tail;
  }
}
