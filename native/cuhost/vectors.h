// vectors.h: CUDA's built-in vector types, min and max, atomics and mathematics, for the host.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include "half.h"

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#define CUHOST_VECTORS(T, NAME, ALIGN2, ALIGN4)                                          \
  struct NAME##1 { T x; };                                                               \
  struct alignas(ALIGN2) NAME##2 { T x, y; };                                            \
  struct NAME##3 { T x, y, z; };                                                         \
  struct alignas(ALIGN4) NAME##4 { T x, y, z, w; };                                      \
  inline NAME##2 make_##NAME##2(T x, T y) { return {x, y}; }                             \
  inline NAME##3 make_##NAME##3(T x, T y, T z) { return {x, y, z}; }                     \
  inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUHOST_VECTORS(signed char, char, 2, 4)
CUHOST_VECTORS(unsigned char, uchar, 2, 4)
CUHOST_VECTORS(short, short, 4, 8)
CUHOST_VECTORS(unsigned short, ushort, 4, 8)
CUHOST_VECTORS(int, int, 8, 16)
CUHOST_VECTORS(unsigned, uint, 8, 16)
CUHOST_VECTORS(float, float, 8, 16)
CUHOST_VECTORS(long long, longlong, 16, 16)
CUHOST_VECTORS(unsigned long long, ulonglong, 16, 16)
CUHOST_VECTORS(double, double, 16, 16)
#undef CUHOST_VECTORS

inline float2 __half22float2(__half2 h) { return {h.x, h.y}; }
inline __half2 __float22half2_rn(float2 f) { return {__half(f.x), __half(f.y)}; }
inline float2 __bfloat1622float2(__nv_bfloat162 b) { return {b.x, b.y}; }
inline __nv_bfloat162 __float22bfloat162_rn(float2 f) { return {__nv_bfloat16(f.x), __nv_bfloat16(f.y)}; }

namespace cuhost {
// The one that is a number, if one is; g++ vectorises these but not the library's fmaxf and fminf.
inline float maxNumber(float a, float b) { return a > b || b != b ? a : b; }
inline float minNumber(float a, float b) { return a < b || b != b ? a : b; }
}  // namespace cuhost
#define fmaxf(a, b) cuhost::maxNumber(a, b)
#define fminf(a, b) cuhost::minNumber(a, b)

inline float max(float a, float b) { return cuhost::maxNumber(a, b); }
inline float min(float a, float b) { return cuhost::minNumber(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
#define CUHOST_MIN_MAX(T, A, B)                                                          \
  inline constexpr T max(A a, B b) { T c = a, d = b; return c > d ? c : d; }                  \
  inline constexpr T min(A a, B b) { T c = a, d = b; return c < d ? c : d; }
CUHOST_MIN_MAX(int, int, int)
CUHOST_MIN_MAX(unsigned, unsigned, unsigned)
CUHOST_MIN_MAX(unsigned, int, unsigned)
CUHOST_MIN_MAX(unsigned, unsigned, int)
CUHOST_MIN_MAX(long, long, long)
CUHOST_MIN_MAX(unsigned long, unsigned long, unsigned long)
CUHOST_MIN_MAX(long long, long long, long long)
CUHOST_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
#undef CUHOST_MIN_MAX

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __frsqrt_rn(float a) { return 1.0f / sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }
inline int __float_as_int(float f) { return std::bit_cast<int>(f); }
inline unsigned __float_as_uint(float f) { return std::bit_cast<unsigned>(f); }
inline float __int_as_float(int i) { return std::bit_cast<float>(i); }
inline float __uint_as_float(unsigned i) { return std::bit_cast<float>(i); }
inline int __float2int_rn(float f) { return static_cast<int>(rintf(f)); }
inline int __float2int_rz(float f) { return static_cast<int>(f); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) {
  unsigned r = 0;
  for (int i = 0; i < 32; ++i) r |= (x >> i & 1u) << (31 - i);
  return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((uint64_t{a} * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}

template <class T>
inline T __ldg(const T* p) { return *p; }
template <class T>
inline T __ldcs(const T* p) { return *p; }
template <class T>
inline void __stcs(T* p, T v) { *p = v; }

// Blocks run on several workers at once, so atomics are atomic.
template <class T>
inline T atomicAdd(T* p, T v) {
  T old, sum;
  __atomic_load(p, &old, __ATOMIC_RELAXED);
  do { sum = old + v; } while (!__atomic_compare_exchange(p, &old, &sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
inline int atomicAdd(int* p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicInc(unsigned* p, unsigned limit) {
  unsigned old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(p, &old, old >= limit ? 0 : old + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {}
  return old;
}
inline int atomicMax(int* p, int v) {
  int old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (old < v && !__atomic_compare_exchange_n(p, &old, v, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return old;
}
inline unsigned atomicCAS(unsigned* p, unsigned expected, unsigned v) {
  __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  return expected;
}
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
