// kernel.h: the environment in which kernels/*.cu compile with a plain C++20 compiler, no toolkit needed.
// A kernel file becomes one shared object that exports one table (module.h); libcuhost.so loads and runs it.
//   HOST_KERNEL_LOOP(name)    no barriers: the threads of a block are a loop with the kernel inlined, to be vectorised
//   HOST_KERNEL_FIBERS(name)  barriers, shuffles, ldmatrix, mma: one fiber a thread
#pragma once
#include <tuple>
#include <type_traits>
#include <utility>
#include "fibers.h"
#include "half.h"
#include "layout.h"
#include "vectors.h"

#define __global__ __attribute__((visibility("hidden")))
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static thread_local
#define DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(cuhost::worker->sharedMemory)
#define HOST_WORKER() (cuhost::worker->index)
#define HOST_WORKERS() (cuhost::worker->count)

[[maybe_unused]] static constexpr int warpSize = 32;

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuhost::syncBlock(file, line);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  char nothing = 0;
  cuhost::collective(mask, &nothing, 1, "__syncwarp", file, line);
}

namespace cuhost {
template <class T>
inline T shuffle(unsigned mask, T value, int from, const char* what, const char* file, int line) {
  Lanes lanes = collective(mask, &value, sizeof value, what, file, line);
  if (!lanes.has(from)) fault("%s at %s:%d: lane %d reads lane %d, which does not take part", what, file, line, lane(), from);
  return lanes.get<T>(from);
}
}  // namespace cuhost

template <class T>
inline T __shfl_sync(unsigned mask, T v, int from, int width = 32, const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
  cuhost::needFibers("__shfl_sync", file, line);
  return cuhost::shuffle(mask, v, (cuhost::lane() & -width) | (from & (width - 1)), "__shfl_sync", file, line);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T v, int with, int width = 32, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
  cuhost::needFibers("__shfl_xor_sync", file, line);
  int lane = cuhost::lane(), from = lane ^ with;
  return cuhost::shuffle(mask, v, from >= (lane & -width) + width ? lane : from, "__shfl_xor_sync", file, line);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE()) {
  cuhost::needFibers("__shfl_down_sync", file, line);
  int lane = cuhost::lane(), from = lane + static_cast<int>(by);
  return cuhost::shuffle(mask, v, from >= (lane & -width) + width ? lane : from, "__shfl_down_sync", file, line);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32, const char* file = __builtin_FILE(),
                        int line = __builtin_LINE()) {
  cuhost::needFibers("__shfl_up_sync", file, line);
  int lane = cuhost::lane(), from = lane - static_cast<int>(by);
  return cuhost::shuffle(mask, v, from < (lane & -width) ? lane : from, "__shfl_up_sync", file, line);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  cuhost::Lanes lanes = cuhost::collective(mask, &predicate, sizeof predicate, "__ballot_sync", file, line);
  unsigned ballot = 0;
  for (int l = 0; l < 32; ++l) ballot |= (lanes.has(l) && lanes.get<int>(l) != 0 ? 1u : 0u) << l;
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate == 0, file, line) == 0;
}

namespace cuhost {

template <class... A>
using Arguments = std::tuple<std::remove_cv_t<A>...>;

template <class... A, size_t... I>
inline Arguments<A...> unpack(void* const* params, std::index_sequence<I...>) {
  return Arguments<A...>(*static_cast<std::remove_cv_t<A>*>(params[I])...);
}

template <class... A>
struct ParameterLayout {
  static constexpr uint32_t count = sizeof...(A);
  uint32_t sizes[count + 1] = {static_cast<uint32_t>(sizeof(A))..., 0};
  uint32_t offsets[count + 1] = {};
  constexpr ParameterLayout() {
    uint32_t aligns[count + 1] = {static_cast<uint32_t>(alignof(A))..., 1}, end = 0;
    for (uint32_t i = 0; i < count; ++i) {
      offsets[i] = (end + aligns[i] - 1) / aligns[i] * aligns[i];
      end = offsets[i] + sizes[i];
    }
  }
};

// The fields of a parameter struct; none where the parameters are several or no struct.
template <class... A>
struct ParameterFields {
  static constexpr const CuhostField* all = nullptr;
  static constexpr uint32_t count = 0;
};
template <class S>
  requires std::is_class_v<S>
struct ParameterFields<S> {
  static constexpr const CuhostField* all = cuhost::fields<S>.all;
  static constexpr uint32_t count = Fields<S>::count;
};

inline void enterGrid(const CuhostLaunch& l, uint64_t first) {
  gridDim = {static_cast<int>(l.grid[0]), static_cast<int>(l.grid[1]), static_cast<int>(l.grid[2])};
  blockDim = {static_cast<int>(l.block[0]), static_cast<int>(l.block[1]), static_cast<int>(l.block[2])};
  uint64_t row = first / l.grid[0];
  blockIdx = {static_cast<int>(first % l.grid[0]), static_cast<int>(row % l.grid[1]), static_cast<int>(row / l.grid[1])};
}

inline void nextBlock() {
  if (++blockIdx.x < gridDim.x) return;
  blockIdx.x = 0;
  if (++blockIdx.y < gridDim.y) return;
  blockIdx.y = 0;
  ++blockIdx.z;
}

inline void enterBlock(const CuhostLaunch& l, CuhostWorker& w) {
  if (l.checking != 0 && l.sharedBytes != 0) std::memset(w.sharedMemory, 0xff, l.sharedBytes);
}

template <auto Kernel>
struct Runner;

template <class... A, void (*Kernel)(A...)>
struct Runner<Kernel> {
  static constexpr ParameterLayout<A...> layout{};
  using Fields = ParameterFields<A...>;

  [[gnu::always_inline]] static void loopBlock(int width, int height, int depth, A... a) {
    for (int z = 0; z < depth; ++z) {
      threadIdx.z = z;
      for (int y = 0; y < height; ++y) {
        threadIdx.y = y;
        for (int x = 0; x < width; ++x) {
          threadIdx.x = x;
          Kernel(a...);
        }
      }
    }
  }

  [[gnu::flatten]] static int loop(const CuhostLaunch* l, CuhostWorker* w, uint64_t first, uint64_t last) {
    worker = w;
    current = nullptr;
    auto arguments = unpack<A...>(l->params, std::index_sequence_for<A...>());
    int width = l->block[0], height = l->block[1], depth = l->block[2];
    enterGrid(*l, first);
    try {
      for (uint64_t b = first; b < last; ++b, nextBlock()) {
        enterBlock(*l, *w);
        std::apply([&](A... a) { loopBlock(width, height, depth, a...); }, arguments);
      }
    } catch (const Fault&) {
      return 1;
    }
    return 0;
  }

  static int fibers(const CuhostLaunch* l, CuhostWorker* w, uint64_t first, uint64_t last) {
    worker = w;
    auto arguments = unpack<A...>(l->params, std::index_sequence_for<A...>());
    enterGrid(*l, first);
    int threads = static_cast<int>(l->block[0] * l->block[1] * l->block[2]);
    char* stacks = static_cast<char*>(w->stacks(w, threads, STACK_BYTES));
    if (stacks == nullptr) {
      std::snprintf(w->fault, sizeof w->fault, "no memory for the stacks of %d fibers", threads);
      return 1;
    }
    Block b;
    b.fibers.resize(threads);
    b.warps.resize((threads + 31) / 32);
    b.order.resize(threads);
    b.entry = [](void* p) { std::apply(Kernel, *static_cast<decltype(arguments)*>(p)); };
    b.context = &arguments;
    b.checking = l->checking != 0;
    b.failed = false;
    b.collectives = 0;
    for (int i = 0; i < threads; ++i) {
      Fiber& f = b.fibers[i];
      f.stack = stacks + i * STACK_BYTES;
      f.lane = i % 32;
      f.warp = i / 32;
      int row = i / blockDim.x;
      f.thread = {i % blockDim.x, row % blockDim.y, row / blockDim.y};
      b.order[i] = i;
    }
    block = &b;
    int status = 0;
    try {
      for (uint64_t i = first; i < last; ++i, nextBlock()) {
        enterBlock(*l, *w);
        b.random = (l->seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
        runBlock(b);
      }
    } catch (const Fault&) {
      status = 1;
    }
    block = nullptr;
    current = nullptr;
    return status;
  }
};

}  // namespace cuhost

#define CUHOST_EXPORT(kernel, how, flags)                                                              \
  static const CuhostKernel cuhost_kernel_##kernel = {                                                 \
      #kernel, cuhost::Runner<kernel>::how, flags, cuhost::Runner<kernel>::layout.count,               \
      cuhost::Runner<kernel>::layout.sizes, cuhost::Runner<kernel>::layout.offsets,                    \
      cuhost::Runner<kernel>::Fields::all, cuhost::Runner<kernel>::Fields::count};                     \
  [[gnu::section("cuhost_kernels"), gnu::used]] static const CuhostKernel* cuhost_entry_##kernel = &cuhost_kernel_##kernel;
#define HOST_KERNEL_LOOP(kernel) CUHOST_EXPORT(kernel, loop, 0)
#define HOST_KERNEL_FIBERS(kernel) CUHOST_EXPORT(kernel, fibers, CUHOST_FIBERS)

// The linker collects the entries of the file between these two.
extern "C" {
[[gnu::visibility("hidden"), gnu::weak]] extern const CuhostKernel* const __start_cuhost_kernels[];
[[gnu::visibility("hidden"), gnu::weak]] extern const CuhostKernel* const __stop_cuhost_kernels[];
[[gnu::visibility("default")]] extern const CuhostModule cuhost_module;
const CuhostModule cuhost_module = {CUHOST_MODULE_VERSION, __start_cuhost_kernels, __stop_cuhost_kernels};
}
