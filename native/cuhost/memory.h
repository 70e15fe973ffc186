// memory.h: device memory (mapped, counted against a limit), pinned host memory, and where a pointer belongs.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cuhost {

enum class Place { UNKNOWN, DEVICE, HOST };

// The allocation or registration that holds an address.
struct Range {
  Place place = Place::UNKNOWN;
  uintptr_t begin = 0;
  size_t bytes = 0;
};
Range findRange(uintptr_t address);
bool isDevice(uintptr_t address, size_t bytes);
void freeAllMemory();
size_t memoryLimit();

}  // namespace cuhost
