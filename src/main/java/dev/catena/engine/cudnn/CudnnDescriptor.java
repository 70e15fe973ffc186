package dev.catena.engine.cudnn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudnnAttribute;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One backend descriptor: attributes are set, then {@link #finish} makes it usable. Elements are
 * passed in the type of their attribute. For one thread at a time; using it after {@link #close}
 * throws.
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

  /** Sets an attribute's elements: numbers, truth values, enumerators, handles or addresses. */
  CudnnDescriptor set(CudnnAttribute attribute, long... values) {
    try (Arena arena = Arena.ofConfined()) {
      int bytes = attribute.type().bytes();
      MemorySegment elements = arena.allocate((long) values.length * bytes, Long.BYTES);
      for (int i = 0; i < values.length; i++) {
        switch (bytes) {
          case Long.BYTES -> elements.setAtIndex(JAVA_LONG, i, values[i]);
          case Byte.BYTES -> elements.setAtIndex(JAVA_BYTE, i, (byte) values[i]);
          default -> {
            boolean real = attribute.type() == CudnnAttribute.Type.FLOAT;
            int bits =
                real ? Float.floatToRawIntBits((float) values[i]) : Math.toIntExact(values[i]);
            elements.setAtIndex(JAVA_INT, i, bits);
          }
        }
      }
      cudnn.setAttribute(address(), attribute, values.length, elements);
      return this;
    }
  }

  /** Sets an attribute's elements to other descriptors. */
  CudnnDescriptor set(CudnnAttribute attribute, List<CudnnDescriptor> values) {
    return set(attribute, values.stream().mapToLong(CudnnDescriptor::address).toArray());
  }

  /** Sets an attribute to text. */
  CudnnDescriptor set(CudnnAttribute attribute, String text) {
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      cudnn.setAttribute(address(), attribute, bytes.length, arena.allocateFrom(JAVA_BYTE, bytes));
      return this;
    }
  }

  /** Validates; from now on attributes can be read and no longer set. */
  CudnnDescriptor finish() {
    cudnn.finalizeDescriptor(address());
    return this;
  }

  /** The only element of an attribute. */
  long getLong(CudnnAttribute attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      long count = cudnn.getAttribute(address(), attribute, 1, value);
      if (count != 1) {
        throw new IllegalStateException("cuDNN's " + attribute + " has " + count + " values");
      }
      return value.get(JAVA_LONG, 0);
    }
  }

  /** Reads an attribute whose elements are an enumeration of C ints, at most {@code room}. */
  int[] getEnums(CudnnAttribute attribute, int room) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(JAVA_INT, room);
      long count = cudnn.getAttribute(address(), attribute, room, values);
      return values.asSlice(0, Math.min(count, room) * Integer.BYTES).toArray(JAVA_INT);
    }
  }

  String getText(CudnnAttribute attribute) {
    try (Arena arena = Arena.ofConfined()) {
      long count = count(attribute);
      MemorySegment text = arena.allocate(count + 1);
      long got = cudnn.getAttribute(address(), attribute, count, text);
      byte[] bytes = text.asSlice(0, Math.min(got, count)).toArray(JAVA_BYTE);
      return new String(bytes, StandardCharsets.UTF_8).replace("\0", "");
    }
  }

  /** The number of elements of an attribute. */
  long count(CudnnAttribute attribute) {
    return cudnn.getAttribute(address(), attribute, 0, MemorySegment.NULL);
  }

  /** Lets cuDNN fill {@code into}, descriptors of the attribute's type; returns how many it did. */
  int getDescriptors(CudnnAttribute attribute, List<CudnnDescriptor> into) {
    try (Arena arena = Arena.ofConfined()) {
      long[] addresses = into.stream().mapToLong(CudnnDescriptor::address).toArray();
      MemorySegment elements = arena.allocateFrom(JAVA_LONG, addresses);
      long count = cudnn.getAttribute(address(), attribute, into.size(), elements);
      return (int) Math.min(count, into.size());
    }
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
