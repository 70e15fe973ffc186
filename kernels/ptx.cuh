// ptx.cuh: the only file with inline PTX. Each instruction has a device body and a host body of the same contract.
//
// Fragments (g = lane / 4, t = lane % 4), two 16-bit values a register, the lower k in the lower half:
//   A, 16 x 16:  a0 = (g, 2t)  a1 = (g + 8, 2t)  a2 = (g, 2t + 8)  a3 = (g + 8, 2t + 8)         row, k
//   B, 16 x 8:   b0 = (2t, g)  b1 = (2t + 8, g)                                                 k, column
//   C, 16 x 8:   c0 = (g, 2t)  c1 = (g, 2t + 1)  c2 = (g + 8, 2t)  c3 = (g + 8, 2t + 1)         row, column
// TF32 has one value a register and half as many k: t and t + 4 in A and B where 16 bits have 2t and 2t + 8.
#pragma once
#include <array>

#include "common.cuh"

// Whether mma takes bf16 and TF32, and copies are asynchronous. The host is like sm_80 and later.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define MMA_BFLOAT16 false
#else
#define MMA_BFLOAT16 true
#endif

// Two 16-bit values as they lie in a register.
template <class T>
__device__ __forceinline__ void unpack(uint32_t pair, float& first, float& second) {
  T v[2];
  memcpy(v, &pair, sizeof v);
  first = to_float(v[0]);
  second = to_float(v[1]);
}

// relu of both, rounded to the element type; sm_80.
template <class T>
__device__ __forceinline__ uint32_t pack_relu(float first, float second);

// d += A * B: 16 x 16 by 16 x 8, fp32 sums. sm_75 has half the depth, so there it takes two.
template <class T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);

// The same, 16 x 8 by 8 x 8, of values that were rounded to TF32; sm_80.
__device__ __forceinline__ void mma_m16n8k8(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);

// The nearest value with ten bits of mantissa; of two the one farther from zero. sm_80.
__device__ __forceinline__ uint32_t to_tf32(float v);

#ifdef __CUDACC__

template <>
__device__ __forceinline__ void mma_m16n8k16<half>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
#else
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

#if MMA_BFLOAT16
template <>
__device__ __forceinline__ void mma_m16n8k16<bfloat16>(
    float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void mma_m16n8k8(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ uint32_t to_tf32(float v) {
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(v));
  return rounded;
}
#endif

// Four 8 x 8 tiles of 16-bit values: lane l names row l % 8 of tile l / 8 (16-byte aligned, in shared memory); register
// i of each lane gets (lane / 4, 2 * (lane % 4)) and its right neighbour of tile i; of 32-bit values, four a row, it is
// (lane / 4, lane % 4).
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(uint32_t(__cvta_generic_to_shared(row))) : "memory");
}

// The same, each tile transposed: (2 * (lane % 4), lane / 4) and its neighbour below.
__device__ __forceinline__ void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(uint32_t(__cvta_generic_to_shared(row))) : "memory");
}

#if MMA_BFLOAT16
template <>
__device__ __forceinline__ uint32_t pack_relu<half>(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.relu.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
template <>
__device__ __forceinline__ uint32_t pack_relu<bfloat16>(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.relu.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
#endif

// Copies the first `bytes` of 16 (both ends 16-byte aligned) to shared memory and zeros behind them; they are there for
// this thread after a wait, for others after a barrier too. sm_75 copies at once.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, int bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  store_aligned(static_cast<half*>(shared), load(static_cast<const half*>(global), bytes / 2));
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(uint32_t(__cvta_generic_to_shared(shared))), "l"(global), "r"(bytes) : "memory");
#endif
}

// Closes a group of copies.
__device__ __forceinline__ void cp_async_commit() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most PENDING groups of this thread are under way.
template <int PENDING>
__device__ __forceinline__ void cp_async_wait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" :: "n"(PENDING) : "memory");
#endif
}

#else

namespace cuhost {
struct Fragments { uint32_t a[4], b[2]; };
template <class T>
inline float element(uint32_t pair, int k) { return to_float(std::bit_cast<std::array<T, 2>>(pair)[k % 2]); }
}  // namespace cuhost

template <class T>
inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  cuhost::Fragments mine{{a[0], a[1], a[2], a[3]}, {b0, b1}};
  cuhost::Lanes lanes = cuhost::collective(~0u, &mine, sizeof mine, "mma");
  int g = cuhost::lane() / 4, t = cuhost::lane() % 4;
  for (int i = 0; i < 4; i++) {
    int row = g + i / 2 * 8, column = 2 * t + i % 2;
    float sum = 0;
    for (int k = 0; k < 16; k++) {
      auto left = lanes.get<cuhost::Fragments>(row % 8 * 4 + k % 8 / 2);
      auto right = lanes.get<cuhost::Fragments>(column * 4 + k % 8 / 2);
      sum += cuhost::element<T>(left.a[k / 8 * 2 + row / 8], k) * cuhost::element<T>(right.b[k / 8], k);
    }
    d[i] += sum;
  }
}

// The lower bits of what was not rounded are cut off: a tensor core does not look at them.
inline void mma_m16n8k8(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  cuhost::Fragments mine{{a[0], a[1], a[2], a[3]}, {b0, b1}};
  cuhost::Lanes lanes = cuhost::collective(~0u, &mine, sizeof mine, "mma");
  int g = cuhost::lane() / 4, t = cuhost::lane() % 4;
  auto value = [](uint32_t bits) { return std::bit_cast<float>(bits & ~0x1fffu); };
  for (int i = 0; i < 4; i++) {
    int row = g + i / 2 * 8, column = 2 * t + i % 2;
    float sum = 0;
    for (int k = 0; k < 8; k++) {
      auto left = lanes.get<cuhost::Fragments>(row % 8 * 4 + k % 4);
      auto right = lanes.get<cuhost::Fragments>(column * 4 + k % 4);
      sum += value(left.a[k / 4 * 2 + row / 8]) * value(right.b[k / 4]);
    }
    d[i] += sum;
  }
}

inline uint32_t to_tf32(float v) {
  uint32_t bits = std::bit_cast<uint32_t>(v);
  return v != v ? 0x7fffffffu : (bits + 0x1000u) & ~0x1fffu;
}

inline void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  if (!aligned<16>(row)) cuhost::fault("ldmatrix: the address of a row is not a multiple of 16 bytes");
  cuhost::Lanes lanes = cuhost::collective(~0u, &row, sizeof row, "ldmatrix");
  for (int i = 0; i < 4; i++) {
    const char* from = lanes.get<const char*>(i * 8 + cuhost::lane() / 4);
    std::memcpy(&r[i], from + cuhost::lane() % 4 * 4, 4);
  }
}

inline void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row) {
  if (!aligned<16>(row)) cuhost::fault("ldmatrix: the address of a row is not a multiple of 16 bytes");
  cuhost::Lanes lanes = cuhost::collective(~0u, &row, sizeof row, "ldmatrix");
  for (int i = 0; i < 4; i++) {
    for (int below = 0; below < 2; below++) {
      const char* from = lanes.get<const char*>(i * 8 + cuhost::lane() % 4 * 2 + below);
      std::memcpy(reinterpret_cast<char*>(&r[i]) + 2 * below, from + cuhost::lane() / 4 * 2, 2);
    }
  }
}

template <class T>
inline uint32_t pack_relu(float first, float second) {
  return std::bit_cast<uint32_t>(std::array<T, 2>{from_float<T>(relu(first)), from_float<T>(relu(second))});
}

inline void cp_async16(void* shared, const void* global, int bytes) { cuhost::async_copy(shared, global, 16, bytes); }
inline void cp_async_commit() { cuhost::async_commit(); }
template <int PENDING>
inline void cp_async_wait() { cuhost::async_wait(PENDING); }

#endif
