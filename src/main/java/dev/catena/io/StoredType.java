package dev.catena.io;

import java.util.Optional;
import java.util.Set;

/**
 * The element types of safetensors files, in the order of the reference implementation: by
 * alignment, then by age. A writer puts tensors of later types first, so that every tensor is
 * aligned.
 */
enum StoredType {
  BOOL(1),
  U8(1),
  I8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  F8_E8M0(1),
  F8_E4M3FNUZ(1),
  F8_E5M2FNUZ(1),
  I16(2),
  U16(2),
  F16(2),
  BF16(2),
  I32(4),
  U32(4),
  F32(4),
  C64(8),
  F64(8),
  I64(8),
  U64(8);

  /** Types of the format whose elements are smaller than a byte; they are refused. */
  private static final Set<String> SUB_BYTE = Set.of("F4", "F6_E2M3", "F6_E3M2");

  private final int bytes;

  StoredType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  int bytes() {
    return bytes;
  }

  static Optional<StoredType> named(String name) {
    for (StoredType type : values()) {
      if (type.name().equals(name)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  static boolean isSubByte(String name) {
    return SUB_BYTE.contains(name);
  }
}
