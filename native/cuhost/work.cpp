#include "work.h"
#include <sys/mman.h>
#include <cstdlib>
#include <cstring>
#include "functions.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace cuhost {
namespace {

constexpr size_t COPY_UNIT = 256 << 10;  // bytes of a copy or fill that one worker does at a time

void runCopy(const Copy& c, uint64_t first, uint64_t last) {
  size_t begin = first * COPY_UNIT, end = std::min(c.bytes, last * COPY_UNIT);
  const char* from = static_cast<const char*>(c.staged.empty() ? c.from : c.staged.data());
  std::memmove(static_cast<char*>(c.to) + begin, from + begin, end - begin);
  memoryWritten(reinterpret_cast<uintptr_t>(c.to) + begin, end - begin);
}

void runFill(const Fill& f, uint64_t first, uint64_t last) {
  size_t unit = COPY_UNIT / f.width, begin = first * unit, end = std::min(f.count, last * unit);
  memoryWritten(reinterpret_cast<uintptr_t>(f.to) + begin * f.width, (end - begin) * f.width);
  if (f.width == 1) {
    std::memset(static_cast<char*>(f.to) + begin, static_cast<int>(f.value), end - begin);
  } else {
    std::fill(static_cast<uint32_t*>(f.to) + begin, static_cast<uint32_t*>(f.to) + end, f.value);
  }
}

bool overlaps(const Copy& c) {
  auto to = reinterpret_cast<uintptr_t>(c.to), from = reinterpret_cast<uintptr_t>(c.from);
  return to < from + c.bytes && from < to + c.bytes;
}

}  // namespace

Worker::~Worker() {
  std::free(lent.sharedMemory);
  if (stackMemory != nullptr) munmap(stackMemory, stackBytes);
}

void Worker::provideShared(size_t bytes) {
  if (bytes > sharedCapacity) {
    std::free(lent.sharedMemory);
    sharedCapacity = (bytes + 63) / 64 * 64;
    lent.sharedMemory = std::aligned_alloc(64, sharedCapacity);
  }
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(lent.sharedMemory, bytes);
  __asan_poison_memory_region(static_cast<char*>(lent.sharedMemory) + bytes, sharedCapacity - bytes);
#endif
}

Split split(const Node& node, int workers) {
  if (auto* k = std::get_if<Kernel>(&node.what)) {
    uint64_t blocks = uint64_t{k->grid[0]} * k->grid[1] * k->grid[2];
    return {blocks, std::max<uint64_t>(1, blocks / (static_cast<uint64_t>(workers) * 8))};
  }
  if (auto* c = std::get_if<Copy>(&node.what)) {
    uint64_t units = (c->bytes + COPY_UNIT - 1) / COPY_UNIT;
    return {units, units < 4 || overlaps(*c) ? units : 1};
  }
  if (auto* f = std::get_if<Fill>(&node.what)) {
    uint64_t units = (f->count * f->width + COPY_UNIT - 1) / COPY_UNIT;
    return {units, units < 4 ? units : 1};
  }
  return {0, 1};
}

void run(const Node& node, Worker& worker, uint64_t serial, uint64_t first, uint64_t last) {
  if (auto* k = std::get_if<Kernel>(&node.what)) k->function->entry->run(*k, worker, serial, first, last);
  if (auto* c = std::get_if<Copy>(&node.what)) runCopy(*c, first, last);
  if (auto* f = std::get_if<Fill>(&node.what)) runFill(*f, first, last);
}

}  // namespace cuhost
