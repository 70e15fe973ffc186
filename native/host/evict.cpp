// Drops memory from every cache of the CPU, as a network's other layers do between two runs of one of them. Where no
// instruction for it is known, the caches stay as they are.
// Launch: one block for `bytes` bytes of the `total` at `at`.
#include "simd.h"

#include <algorithm>

#ifdef __AVX512F__
#pragma GCC target("clflushopt")  // which every CPU with AVX-512 has
#endif

namespace {

struct Evict {
  const char* at;
  long total;
  int bytes;

  void run() const {
    const long first = blockIdx.x * (long)bytes;
    const long last = std::min(first + bytes, total);
    for (long i = first; i < last; i += 64) {
#if defined(__AVX512F__)
      _mm_clflushopt((void*)(at + i));
#elif defined(__x86_64__)
      _mm_clflush(at + i);
#elif defined(__aarch64__)
      asm volatile("dc civac, %0" ::"r"(at + i) : "memory");
#endif
    }
  }
};

}  // namespace

KERNEL(evict, Evict, run)
