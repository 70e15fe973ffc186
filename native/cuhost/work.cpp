#include "work.h"
#include <sys/mman.h>
#include <cstdlib>
#include <cstring>
#include "faults.h"
#include "functions.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace cuhost {
namespace {

constexpr size_t COPY_UNIT = 256 << 10;  // bytes of a copy or fill that one worker does at a time
constexpr size_t PAGE = 4096;

// Stacks with a guard page below each; without guards where there are so many that mappings could run out.
void* stacks(CuhostWorker* lent, size_t count, size_t bytes) {
  Worker* w = reinterpret_cast<Worker*>(lent);  // its first member
  if (w->stackBytes < count * bytes) {
    if (w->stackMemory != nullptr) munmap(w->stackMemory, w->stackBytes);
    w->stackBytes = 0;
    w->stackMemory = mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w->stackMemory == MAP_FAILED) w->stackMemory = nullptr;
    if (w->stackMemory == nullptr) return nullptr;
    w->stackBytes = count * bytes;
    for (size_t i = 0; count <= 256 && i < count; ++i) {
      mprotect(static_cast<char*>(w->stackMemory) + i * bytes, PAGE, PROT_NONE);
    }
  }
  return w->stackMemory;
}

void runKernel(const Kernel& k, Worker& w, uint64_t first, uint64_t last) {
  w.provideShared(k.sharedBytes);
  w.lent.stacks = stacks;
  const CuhostKernel& entry = *k.function->entry;
  CuhostLaunch launch = {entry.name,
                         {k.grid[0], k.grid[1], k.grid[2]},
                         {k.block[0], k.block[1], k.block[2]},
                         k.sharedBytes,
                         checking() ? 1u : 0u,
                         seed(),
                         k.params.data()};
  if (entry.run(&launch, &w.lent, first, last) != 0) {
    lose(CUDA_ERROR_LAUNCH_FAILED, std::string("kernel ") + entry.name + ": " + w.lent.fault);
  }
}

void runCopy(const Copy& c, uint64_t first, uint64_t last) {
  size_t begin = first * COPY_UNIT, end = std::min(c.bytes, last * COPY_UNIT);
  const char* from = static_cast<const char*>(c.staged.empty() ? c.from : c.staged.data());
  std::memmove(static_cast<char*>(c.to) + begin, from + begin, end - begin);
}

void runFill(const Fill& f, uint64_t first, uint64_t last) {
  size_t unit = COPY_UNIT / f.width, begin = first * unit, end = std::min(f.count, last * unit);
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

void run(const Node& node, Worker& worker, uint64_t first, uint64_t last) {
  if (auto* k = std::get_if<Kernel>(&node.what)) runKernel(*k, worker, first, last);
  if (auto* c = std::get_if<Copy>(&node.what)) runCopy(*c, first, last);
  if (auto* f = std::get_if<Fill>(&node.what)) runFill(*f, first, last);
}

}  // namespace cuhost
