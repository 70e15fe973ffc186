#include "memory.h"
#include <sys/mman.h>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include "backend.h"
#include "machine.h"
#include "streams.h"

namespace cuhost {
namespace {

constexpr size_t GRANULE = 256, PAGE = 4096, LARGE = 64 << 10, HUGE = 2 << 20;

struct Block {
  Range range;
  void* mapping = nullptr;  // null: registered, not ours
  size_t mapped = 0;
  size_t counted = 0;  // bytes against the limit
  bool pooled = false;
};

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

std::mutex& mutex = *new std::mutex;
std::map<uintptr_t, Block>& blocks = *new std::map<uintptr_t, Block>;  // by first address
std::multimap<size_t, Block>& cached = *new std::multimap<size_t, Block>;  // freed to the pool and kept, by `counted`
size_t used = 0;                                     // device bytes in live allocations, and in the cache
std::atomic<size_t> limit{0};                        // 0: all of the machine's memory
uint64_t poolUsed = 0, poolUsedHigh = 0, poolCached = 0, poolReservedHigh = 0, poolThreshold = 0;
int poolReuse[3] = {1, 1, 1};

// Aligned to 4 KiB, 64 KiB or 2 MiB by size; the large ones in transparent huge pages, which the CPU's speed needs.
bool map(size_t bytes, Block& block) {
  size_t alignment = bytes >= HUGE ? HUGE : bytes >= LARGE ? LARGE : PAGE;
  size_t length = roundUp(bytes, PAGE), slack = alignment - PAGE;
  void* memory = mmap(nullptr, length + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  uintptr_t raw = reinterpret_cast<uintptr_t>(memory), begin = roundUp(raw, alignment);
  if (begin > raw) munmap(memory, begin - raw);
  if (begin - raw < slack) munmap(reinterpret_cast<void*>(begin + length), slack - (begin - raw));
  block.mapping = reinterpret_cast<void*>(begin);
  block.mapped = length;
  if (alignment == HUGE) madvise(block.mapping, length, MADV_HUGEPAGE);
  if (checking()) std::memset(block.mapping, 0xff, length);  // NaN, as fresh device memory may hold anything
  return true;
}

void unmap(const Block& block) {
  if (block.mapping != nullptr) munmap(block.mapping, block.mapped);
}

void trimCache(uint64_t keep) {
  while (poolCached > keep) {
    auto last = std::prev(cached.end());
    unmap(last->second);
    poolCached -= last->first;
    used -= last->first;
    cached.erase(last);
  }
}

const Block* blockAt(uintptr_t address) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return nullptr;
  const Block& block = std::prev(after)->second;
  return address < block.range.begin + std::max<size_t>(block.range.bytes, 1) ? &block : nullptr;
}

CUresult allocate(size_t bytes, bool pooled, CUdeviceptr* result) {
  std::lock_guard lock(mutex);
  Block block;
  block.counted = roundUp(bytes, GRANULE);
  block.pooled = pooled;
  auto reusable = pooled ? cached.find(block.counted) : cached.end();
  if (reusable != cached.end()) {
    block = reusable->second;
    cached.erase(reusable);
    poolCached -= block.counted;
  } else {
    if (block.counted < bytes || block.counted > memoryLimit() || used - poolCached > memoryLimit() - block.counted) {
      return CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (used > memoryLimit() - block.counted) trimCache(0);
    if (!map(bytes, block)) return CUDA_ERROR_OUT_OF_MEMORY;
    used += block.counted;
  }
  block.range = {Place::DEVICE, reinterpret_cast<uintptr_t>(block.mapping), bytes};
  *result = block.range.begin;
  if (pooled) {
    poolUsed += block.counted;
    poolUsedHigh = std::max(poolUsedHigh, poolUsed);
    poolReservedHigh = std::max(poolReservedHigh, poolUsed + poolCached);
  }
  blocks[block.range.begin] = block;
  memoryAllocated(block.range.begin, bytes);
  return CUDA_SUCCESS;
}

// Takes the allocation out of the table: from now on its address is nobody's.
bool forget(uintptr_t address, Place place, Block& block) {
  std::lock_guard lock(mutex);
  auto found = blocks.find(address);
  if (found == blocks.end() || found->second.range.place != place) return false;
  block = found->second;
  blocks.erase(found);
  return true;
}

void release(const Block& block) {
  std::lock_guard lock(mutex);
  if (block.range.place != Place::DEVICE) {
    unmap(block);
    return;
  }
  memoryFreed(block.range.begin);
  if (block.pooled) {
    poolUsed -= block.counted;
    poolCached += block.counted;
    cached.emplace(block.counted, block);
    trimCache(poolThreshold);
  } else {
    unmap(block);
    used -= block.counted;
  }
}

Handles<CUmemoryPool, int, 5>& pools() {
  static auto& table = *new Handles<CUmemoryPool, int, 5>;
  return table;
}

// Synchronous copies and fills: the caller does them, when the streams that the default stream waits for are idle.
CUresult quiet() {
  CUHOST_TRY(ready());
  CUHOST_TRY(forbiddenInCapture());
  synchronizeAll(true);
  return lost();
}

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

enum Direction { TO_DEVICE, TO_HOST, ON_DEVICE };

CUresult copy(void* to, const void* from, size_t bytes, Direction direction) {
  CUHOST_TRY(ready());
  if (bytes == 0) return CUDA_SUCCESS;
  CUHOST_REQUIRE(to != nullptr && from != nullptr);
  CUHOST_REQUIRE(direction == TO_HOST || isDevice(reinterpret_cast<uintptr_t>(to), bytes));
  CUHOST_REQUIRE(direction == TO_DEVICE || isDevice(reinterpret_cast<uintptr_t>(from), bytes));
  CUHOST_TRY(quiet());
  std::memmove(to, from, bytes);
  if (direction != TO_HOST) memoryWritten(reinterpret_cast<uintptr_t>(to), bytes);
  return CUDA_SUCCESS;
}

// As CUDA does: pageable memory is read before the call returns (staged when small, waited for when large) and is
// written before the call returns; only pinned memory is copied behind the caller's back.
CUresult copyAsync(void* to, const void* from, size_t bytes, Direction direction, CUstream handle) {
  CUHOST_TRY(ready());
  std::shared_ptr<Stream> stream = findStream(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (bytes == 0 && !stream->capturing) return CUDA_SUCCESS;
  CUHOST_REQUIRE(to != nullptr && from != nullptr);
  CUHOST_REQUIRE(direction == TO_HOST || isDevice(reinterpret_cast<uintptr_t>(to), bytes));
  CUHOST_REQUIRE(direction == TO_DEVICE || isDevice(reinterpret_cast<uintptr_t>(from), bytes));
  const void* host = direction == TO_DEVICE ? from : to;
  bool pageable = direction != ON_DEVICE && findRange(reinterpret_cast<uintptr_t>(host)).place == Place::UNKNOWN;
  Copy work = {to, from, bytes, {}};
  bool wait = pageable && !stream->capturing;
  if (wait && direction == TO_DEVICE && bytes <= LARGE) {
    work.staged.assign(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    wait = false;
  }
  CUHOST_TRY(issue(handle, {std::move(work)}));
  if (!wait) return CUDA_SUCCESS;
  if (auto record = stream->mark()) record->wait();
  return lost();
}

CUresult fill(CUdeviceptr to, uint32_t value, int width, size_t count, CUstream handle, bool async) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(to % width == 0 && count <= SIZE_MAX / 4);
  if (count == 0) return CUDA_SUCCESS;
  CUHOST_REQUIRE(isDevice(to, count * width));
  if (!async) CUHOST_TRY(forbiddenInCapture());
  return issue(handle, {Fill{pointer(to), value, width, count}});
}

}  // namespace

size_t memoryLimit() {
  static const size_t machine = static_cast<size_t>(usableMemory().value);
  size_t set = limit.load(std::memory_order_relaxed);
  return set != 0 ? set : machine;
}

Range findRange(uintptr_t address) {
  std::lock_guard lock(mutex);
  const Block* block = blockAt(address);
  return block == nullptr ? Range{} : block->range;
}

bool isDevice(uintptr_t address, size_t bytes) {
  Range r = findRange(address);
  return r.place == Place::DEVICE && bytes <= r.bytes - (address - r.begin);
}

void freeAllMemory() {
  std::lock_guard lock(mutex);
  for (auto& [address, block] : blocks) {
    if (block.range.place == Place::DEVICE) memoryFreed(address);
    unmap(block);
  }
  for (auto& [size, block] : cached) unmap(block);
  blocks.clear();
  cached.clear();
  used = poolUsed = poolCached = poolThreshold = 0;
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

void cuhostSetMemoryLimit(size_t bytes) { limit = bytes; }

CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(free != nullptr && total != nullptr);
  std::lock_guard lock(mutex);
  *total = memoryLimit();
  *free = *total > used ? *total - used : 0;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr* dptr, size_t bytesize) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(dptr != nullptr && bytesize > 0);
  CUHOST_TRY(forbiddenInCapture());
  return allocate(bytesize, false, dptr);
}

CUresult cuMemFree_v2(CUdeviceptr dptr) {
  CUHOST_TRY(ready());
  if (dptr == 0) return CUDA_SUCCESS;
  CUHOST_TRY(forbiddenInCapture());
  Block block;
  CUHOST_REQUIRE(forget(dptr, Place::DEVICE, block));
  synchronizeAll(false);
  release(block);
  return CUDA_SUCCESS;
}

CUresult cuMemAllocAsync(CUdeviceptr* dptr, size_t bytesize, CUstream hStream) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(dptr != nullptr && bytesize > 0);
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return CUDA_ERROR_NOT_SUPPORTED;
  CUresult status = allocate(bytesize, true, dptr);
  if (status != CUDA_ERROR_OUT_OF_MEMORY) return status;
  if (auto record = stream->mark()) record->wait();  // what it still has to free
  return allocate(bytesize, true, dptr);
}

CUresult cuMemFreeAsync(CUdeviceptr dptr, CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (dptr == 0) return CUDA_SUCCESS;
  if (stream->capturing) return CUDA_ERROR_NOT_SUPPORTED;
  Block block;
  CUHOST_REQUIRE(forget(dptr, Place::DEVICE, block));
  auto item = std::make_unique<Item>();
  item->call = [block] { release(block); };
  enqueueOrdered(stream, std::move(item));
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool_out, CUdevice dev) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(pool_out != nullptr);
  if (!isDeviceNumber(dev)) return CUDA_ERROR_INVALID_DEVICE;
  static CUmemoryPool pool = pools().add(std::make_shared<int>(0));
  *pool_out = pool;
  return CUDA_SUCCESS;
}

CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void* value) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(value != nullptr && pools().find(pool) != nullptr);
  std::lock_guard lock(mutex);
  uint64_t* wide = static_cast<uint64_t*>(value);
  switch (attr) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      *static_cast<int*>(value) = poolReuse[attr - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES];
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD: *wide = poolThreshold; return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT: *wide = poolUsed + poolCached; return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH: *wide = poolReservedHigh; return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT: *wide = poolUsed; return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH: *wide = poolUsedHigh; return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void* value) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(value != nullptr && pools().find(pool) != nullptr);
  std::lock_guard lock(mutex);
  uint64_t wide = attr >= CU_MEMPOOL_ATTR_RELEASE_THRESHOLD ? *static_cast<uint64_t*>(value) : 0;
  switch (attr) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      poolReuse[attr - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES] = *static_cast<int*>(value);
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD: poolThreshold = wide; return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:  // the high-water marks can only be reset
      CUHOST_REQUIRE(wide == 0);
      poolReservedHigh = poolUsed + poolCached;
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
      CUHOST_REQUIRE(wide == 0);
      poolUsedHigh = poolUsed;
      return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t minBytesToKeep) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(pools().find(pool) != nullptr);
  std::lock_guard lock(mutex);
  trimCache(minBytesToKeep > poolUsed ? minBytesToKeep - poolUsed : 0);
  return CUDA_SUCCESS;
}

CUresult cuMemAllocHost_v2(void** pp, size_t bytesize) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(pp != nullptr && bytesize > 0);
  CUHOST_TRY(forbiddenInCapture());
  std::lock_guard lock(mutex);
  Block block;
  if (bytesize > SIZE_MAX / 2 || !map(bytesize, block)) return CUDA_ERROR_OUT_OF_MEMORY;
  block.range = {Place::HOST, reinterpret_cast<uintptr_t>(block.mapping), bytesize};
  blocks[block.range.begin] = block;
  *pp = block.mapping;
  return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void* p) {
  CUHOST_TRY(ready());
  Range range = findRange(reinterpret_cast<uintptr_t>(p));
  CUHOST_REQUIRE(range.place == Place::HOST);
  CUHOST_TRY(forbiddenInCapture());
  Block block;
  {
    std::lock_guard lock(mutex);
    auto found = blocks.find(reinterpret_cast<uintptr_t>(p));
    CUHOST_REQUIRE(found != blocks.end() && found->second.mapping != nullptr);
    block = found->second;
    blocks.erase(found);
  }
  synchronizeAll(false);
  release(block);
  return CUDA_SUCCESS;
}

CUresult cuMemHostRegister_v2(void* p, size_t bytesize, unsigned int) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(p != nullptr && bytesize > 0);
  CUHOST_TRY(forbiddenInCapture());
  std::lock_guard lock(mutex);
  auto begin = reinterpret_cast<uintptr_t>(p);
  auto next = blocks.lower_bound(begin);
  if (blockAt(begin) != nullptr || (next != blocks.end() && next->first < begin + bytesize)) {
    return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  }
  Block block;
  block.range = {Place::HOST, begin, bytesize};
  blocks[begin] = block;
  return CUDA_SUCCESS;
}

CUresult cuMemHostUnregister(void* p) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(p != nullptr);
  std::lock_guard lock(mutex);
  auto found = blocks.find(reinterpret_cast<uintptr_t>(p));
  if (found == blocks.end() || found->second.mapping != nullptr) return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  blocks.erase(found);
  return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void* data, CUpointer_attribute attribute, CUdeviceptr ptr) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(data != nullptr);
  Range range = findRange(ptr);
  CUHOST_REQUIRE(range.place != Place::UNKNOWN);
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT: *static_cast<CUcontext*>(data) = primaryContext(); return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      *static_cast<unsigned*>(data) = range.place == Place::DEVICE ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *static_cast<CUdeviceptr*>(data) = ptr; return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      CUHOST_REQUIRE(range.place == Place::HOST);
      *static_cast<void**>(data) = pointer(ptr);
      return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED: *static_cast<unsigned*>(data) = 0; return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *static_cast<int*>(data) = currentDevice(); return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *static_cast<CUdeviceptr*>(data) = range.begin; return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *static_cast<size_t*>(data) = range.bytes; return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr dstDevice, const void* srcHost, size_t ByteCount) {
  return copy(pointer(dstDevice), srcHost, ByteCount, TO_DEVICE);
}
CUresult cuMemcpyDtoH_v2(void* dstHost, CUdeviceptr srcDevice, size_t ByteCount) {
  return copy(dstHost, pointer(srcDevice), ByteCount, TO_HOST);
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount) {
  return copy(pointer(dstDevice), pointer(srcDevice), ByteCount, ON_DEVICE);
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void* srcHost, size_t ByteCount, CUstream hStream) {
  return copyAsync(pointer(dstDevice), srcHost, ByteCount, TO_DEVICE, hStream);
}
CUresult cuMemcpyDtoHAsync_v2(void* dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream) {
  return copyAsync(dstHost, pointer(srcDevice), ByteCount, TO_HOST, hStream);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream) {
  return copyAsync(pointer(dstDevice), pointer(srcDevice), ByteCount, ON_DEVICE, hStream);
}
CUresult cuMemsetD8_v2(CUdeviceptr dstDevice, unsigned char uc, size_t N) {
  return fill(dstDevice, uc, 1, N, nullptr, false);
}
CUresult cuMemsetD32_v2(CUdeviceptr dstDevice, unsigned int ui, size_t N) {
  return fill(dstDevice, ui, 4, N, nullptr, false);
}
CUresult cuMemsetD8Async(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream) {
  return fill(dstDevice, uc, 1, N, hStream, true);
}
CUresult cuMemsetD32Async(CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream) {
  return fill(dstDevice, ui, 4, N, hStream, true);
}

}  // extern "C"
