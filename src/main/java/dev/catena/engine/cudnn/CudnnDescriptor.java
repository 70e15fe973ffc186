package dev.catena.engine.cudnn;

import static dev.catena.driver.CudnnConstants.TYPE_BACKEND_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.TYPE_BOOLEAN;
import static dev.catena.driver.CudnnConstants.TYPE_CHAR;
import static dev.catena.driver.CudnnConstants.TYPE_FLOAT;
import static dev.catena.driver.CudnnConstants.TYPE_HANDLE;
import static dev.catena.driver.CudnnConstants.TYPE_INT64;
import static dev.catena.driver.CudnnConstants.TYPE_VOID_PTR;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One backend descriptor: attributes are set, then {@link #finish} makes it usable. Every method
 * passes elements of exactly the type and count that it names, so that cuDNN can check them and
 * reads nothing else. For one thread at a time; using it after {@link #close} throws.
 */
final class CudnnDescriptor implements AutoCloseable {

  private final CudnnLibrary cudnn;
  private long address;

  CudnnDescriptor(CudnnLibrary cudnn, int type) {
    this.cudnn = cudnn;
    this.address = cudnn.createDescriptor(type);
  }

  /** The native descriptor. */
  long address() {
    if (address == 0) {
      throw new IllegalStateException("cuDNN descriptor is closed");
    }
    return address;
  }

  /** Sets an attribute whose elements are an enumeration of C ints. */
  CudnnDescriptor setEnum(int attribute, int type, int value) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, type, 1, arena.allocateFrom(JAVA_INT, value));
    }
  }

  CudnnDescriptor setLongs(int attribute, long... values) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, TYPE_INT64, values.length, arena.allocateFrom(JAVA_LONG, values));
    }
  }

  CudnnDescriptor setFloat(int attribute, float value) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, TYPE_FLOAT, 1, arena.allocateFrom(JAVA_FLOAT, value));
    }
  }

  CudnnDescriptor setBoolean(int attribute, boolean value) {
    try (Arena arena = Arena.ofConfined()) {
      byte bool = value ? (byte) 1 : 0;
      return set(attribute, TYPE_BOOLEAN, 1, arena.allocateFrom(JAVA_BYTE, bool));
    }
  }

  CudnnDescriptor setText(int attribute, String value) {
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      return set(attribute, TYPE_CHAR, bytes.length, arena.allocateFrom(JAVA_BYTE, bytes));
    }
  }

  CudnnDescriptor setHandle(int attribute, long handle) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, TYPE_HANDLE, 1, arena.allocateFrom(JAVA_LONG, handle));
    }
  }

  /** Sets device addresses. */
  CudnnDescriptor setPointers(int attribute, long... values) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, TYPE_VOID_PTR, values.length, arena.allocateFrom(JAVA_LONG, values));
    }
  }

  CudnnDescriptor setDescriptors(int attribute, List<CudnnDescriptor> values) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, TYPE_BACKEND_DESCRIPTOR, values.size(), addresses(values, arena));
    }
  }

  CudnnDescriptor setDescriptor(int attribute, CudnnDescriptor value) {
    return setDescriptors(attribute, List.of(value));
  }

  /** Validates; from now on attributes can be read and no longer set. */
  CudnnDescriptor finish() {
    cudnn.finalizeDescriptor(address());
    return this;
  }

  long getLong(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      long count = cudnn.getAttribute(address(), attribute, TYPE_INT64, 1, value);
      if (count != 1) {
        throw new IllegalStateException(
            "cuDNN attribute " + attribute + " has " + count + " values");
      }
      return value.get(JAVA_LONG, 0);
    }
  }

  /** Reads an attribute whose elements are an enumeration of C ints, at most {@code room}. */
  int[] getEnums(int attribute, int type, int room) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(JAVA_INT, room);
      long count = cudnn.getAttribute(address(), attribute, type, room, values);
      return values.asSlice(0, Math.min(count, room) * 4).toArray(JAVA_INT);
    }
  }

  String getText(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      long count = count(attribute, TYPE_CHAR);
      MemorySegment text = arena.allocate(count + 1);
      long got = cudnn.getAttribute(address(), attribute, TYPE_CHAR, count, text);
      byte[] bytes = text.asSlice(0, Math.min(got, count)).toArray(JAVA_BYTE);
      return new String(bytes, StandardCharsets.UTF_8).replace("\0", "");
    }
  }

  /** How many elements an attribute has. */
  long count(int attribute, int type) {
    return cudnn.getAttribute(address(), attribute, type, 0, MemorySegment.NULL);
  }

  /** Lets cuDNN fill {@code into}, descriptors of the attribute's type; returns how many it did. */
  int getDescriptors(int attribute, List<CudnnDescriptor> into) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment elements = addresses(into, arena);
      long count =
          cudnn.getAttribute(address(), attribute, TYPE_BACKEND_DESCRIPTOR, into.size(), elements);
      return (int) Math.min(count, into.size());
    }
  }

  private CudnnDescriptor set(int attribute, int type, long count, MemorySegment elements) {
    cudnn.setAttribute(address(), attribute, type, count, elements);
    return this;
  }

  private static MemorySegment addresses(List<CudnnDescriptor> descriptors, Arena arena) {
    return arena.allocateFrom(
        JAVA_LONG, descriptors.stream().mapToLong(CudnnDescriptor::address).toArray());
  }

  @Override
  public void close() {
    if (address != 0) {
      long open = address;
      address = 0;
      cudnn.destroyDescriptor(open);
    }
  }
}
