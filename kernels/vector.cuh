// vector.cuh: eight channels of one pixel, as they lie in memory (Vector<T>) and in fp32 (Floats).
//
// Whole vectors move in 16 bytes where the address allows it, in groups of four channels where only that is aligned,
// else one by one. On the host they are the compiler's own vectors: loops over arrays it keeps in memory, at a tenth of
// the speed.
#pragma once

#ifdef __CUDACC__
#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define MAY_ALIAS
#define HOST_KERNEL_LOOP(name)
#define HOST_KERNEL_FIBERS(name)
#define DYNAMIC_SHARED(T, name)                                  \
  extern __shared__ __align__(128) unsigned char name##_bytes[]; \
  T* name = reinterpret_cast<T*>(name##_bytes)
#else
#include "kernel.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif
#define MAY_ALIAS [[gnu::may_alias]]
#endif

using half = __half;
using bfloat16 = __nv_bfloat16;

__device__ __forceinline__ float to_float(float v) { return v; }
__device__ __forceinline__ float to_float(half v) { return __half2float(v); }
__device__ __forceinline__ float to_float(bfloat16 v) { return __bfloat162float(v); }

template <class T>
__device__ __forceinline__ T from_float(float v);
template <>
__device__ __forceinline__ float from_float<float>(float v) { return v; }
template <>
__device__ __forceinline__ half from_float<half>(float v) { return __float2half_rn(v); }
template <>
__device__ __forceinline__ bfloat16 from_float<bfloat16>(float v) { return __float2bfloat16_rn(v); }

constexpr int VECTOR = 8;

template <class T>
struct alignas(16) Vector {
  T v[VECTOR];
  __device__ __forceinline__ T& operator[](int i) { return v[i]; }
  __device__ __forceinline__ const T& operator[](int i) const { return v[i]; }
};

template <int BYTES>
__device__ __forceinline__ bool aligned(const void* p) { return (reinterpret_cast<uintptr_t>(p) & (BYTES - 1)) == 0; }

// ---- memory ---------------------------------------------------------------------------------------------------------

#ifdef __CUDACC__

template <int BYTES>
struct alignas(BYTES) Bits { uint32_t w[BYTES / 4]; };

template <int BYTES, class T, class P>
__device__ __forceinline__ void move(T* to, const P* from) {
  constexpr int STEP = BYTES < 16 ? BYTES : 16;
#pragma unroll
  for (int i = 0; i < BYTES / STEP; i++) {
    reinterpret_cast<Bits<STEP>*>(to)[i] = reinterpret_cast<const Bits<STEP>*>(from)[i];
  }
}
template <class T>
__device__ __forceinline__ bool whole(const T* p) { return aligned<16>(p); }
template <class T>
__device__ __forceinline__ bool quads(const T* p) { return aligned<4 * sizeof(T)>(p); }

#else

template <int BYTES, class T, class P>
inline void move(T* to, const P* from) { std::memcpy(to, from, BYTES); }
template <class T>
constexpr bool whole(const T*) { return true; }
template <class T>
constexpr bool quads(const T*) { return true; }

#endif

#if !defined(__CUDACC__) && defined(__AVX512VL__) && defined(__AVX512BW__)

// Less than a vector, by mask: put together in memory, what was stored in pieces would wait to be loaded as a whole.
constexpr bool MASKS = true;
inline uint8_t mask_of(int count) { return uint8_t((1u << max(count, 0)) - 1); }
template <class T>
inline Vector<T> load_part(const T* p, int count) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<Vector<T>>(_mm256_maskz_loadu_ps(mask_of(count), p));
  } else {
    return std::bit_cast<Vector<T>>(_mm_maskz_loadu_epi16(mask_of(count), p));
  }
}
template <class T>
inline void store_part(T* p, const Vector<T>& r, int count) {
  if constexpr (sizeof(T) == 4) {
    _mm256_mask_storeu_ps(p, mask_of(count), std::bit_cast<__m256>(r));
  } else {
    _mm_mask_storeu_epi16(p, mask_of(count), std::bit_cast<__m128i>(r));
  }
}

#else

constexpr bool MASKS = false;
template <class T>
__device__ __forceinline__ Vector<T> load_part(const T*, int) { return {}; }
template <class T>
__device__ __forceinline__ void store_part(T*, const Vector<T>&, int) {}

#endif

// The first `count` channels from p on, at most eight; zeros behind them. Nothing is read where count <= 0.
template <class T>
__device__ __forceinline__ Vector<T> load(const T* p, int count) {
  Vector<T> r;
  if (count >= VECTOR && whole(p)) {
    move<sizeof r>(r.v, p);
    return r;
  }
  if (MASKS) return load_part(p, count);
  bool by_four = quads(p);
#pragma unroll
  for (int q = 0; q < VECTOR; q += 4) {
    if (by_four && count >= q + 4) {
      move<4 * sizeof(T)>(r.v + q, p + q);
    } else {
#pragma unroll
      for (int i = q; i < q + 4; i++) r[i] = i < count ? p[i] : from_float<T>(0.0f);
    }
  }
  return r;
}

// All eight, from an address that is a multiple of 16 bytes.
template <class T>
__device__ __forceinline__ Vector<T> load_aligned(const T* p) {
  Vector<T> r;
  move<sizeof r>(r.v, p);
  return r;
}
template <class T>
__device__ __forceinline__ void store_aligned(T* p, const Vector<T>& r) { move<sizeof r>(p, r.v); }

// Stores the first `count` channels and touches nothing behind them.
template <class T>
__device__ __forceinline__ void store(T* p, const Vector<T>& r, int count) {
  if (count >= VECTOR && whole(p)) {
    move<sizeof r>(p, r.v);
    return;
  }
  if (MASKS) return store_part(p, r, count);
  bool by_four = quads(p);
#pragma unroll
  for (int q = 0; q < VECTOR; q += 4) {
    if (by_four && count >= q + 4) {
      move<4 * sizeof(T)>(p + q, r.v + q);
    } else {
#pragma unroll
      for (int i = q; i < q + 4; i++) if (i < count) p[i] = r[i];
    }
  }
}

// Two neighbours, or only the first; `one_access` says that their address allows one.
template <class T>
__device__ __forceinline__ void store_pair(T* p, T first, T second, bool both, bool one_access) {
  struct alignas(2 * sizeof(T)) MAY_ALIAS Pair { T first, second; };
  if (both && one_access) {
    *reinterpret_cast<Pair*>(p) = Pair{first, second};
  } else {
    p[0] = first;
    if (both) p[1] = second;
  }
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------

// max(0, v); NaN stays NaN.
__device__ __forceinline__ float relu(float v) { return 0.0f > v ? 0.0f : v; }

// The larger one; NaN wins, as in the frameworks.
__device__ __forceinline__ float larger(float a, float b) { return b > a || b != b ? b : a; }

#ifdef __CUDACC__

using Floats = Vector<float>;

template <class F>
__device__ __forceinline__ Floats each(F f) {
  Floats r;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) r[i] = f(i);
  return r;
}
__device__ __forceinline__ Floats filled(float v) { return each([=](int) { return v; }); }
__device__ __forceinline__ Floats operator+(const Floats& a, const Floats& b) {
  return each([&](int i) { return a[i] + b[i]; });
}
__device__ __forceinline__ Floats operator-(const Floats& a, const Floats& b) {
  return each([&](int i) { return a[i] - b[i]; });
}
__device__ __forceinline__ Floats operator*(const Floats& a, const Floats& b) {
  return each([&](int i) { return a[i] * b[i]; });
}
__device__ __forceinline__ Floats operator*(const Floats& a, float b) { return each([&](int i) { return a[i] * b; }); }
__device__ __forceinline__ Floats operator/(const Floats& a, float b) { return each([&](int i) { return a[i] / b; }); }
// a > b ? yes : no.
__device__ __forceinline__ Floats greater(const Floats& a, const Floats& b, const Floats& yes, const Floats& no) {
  return each([&](int i) { return a[i] > b[i] ? yes[i] : no[i]; });
}
__device__ __forceinline__ Floats fma(const Floats& a, const Floats& b, const Floats& c) {
  return each([&](int i) { return fmaf(a[i], b[i], c[i]); });
}
__device__ __forceinline__ Floats relu(const Floats& a) { return each([&](int i) { return relu(a[i]); }); }
__device__ __forceinline__ Floats larger(const Floats& a, const Floats& b) {
  return each([&](int i) { return larger(a[i], b[i]); });
}
// a where b > 0, else 0.
__device__ __forceinline__ Floats where_positive(const Floats& b, const Floats& a) {
  return each([&](int i) { return b[i] > 0.0f ? a[i] : 0.0f; });
}

template <class T>
__device__ __forceinline__ Floats widen(const Vector<T>& r) { return each([&](int i) { return to_float(r[i]); }); }
template <class T>
__device__ __forceinline__ Vector<T> narrow(const Floats& f) {
  Vector<T> r;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) r[i] = from_float<T>(f[i]);
  return r;
}

#else

struct Floats {
  typedef float Lanes __attribute__((vector_size(4 * VECTOR), may_alias));
  typedef int32_t Ints __attribute__((vector_size(4 * VECTOR), may_alias));
  Lanes v;

  float& operator[](int i) { return reinterpret_cast<float*>(&v)[i]; }
  float operator[](int i) const { return v[i]; }
};
inline Floats filled(float v) { return {Floats::Lanes{} + v}; }
inline Floats operator+(Floats a, Floats b) { return {a.v + b.v}; }
inline Floats operator-(Floats a, Floats b) { return {a.v - b.v}; }
inline Floats operator*(Floats a, Floats b) { return {a.v * b.v}; }
inline Floats operator*(Floats a, float b) { return {a.v * b}; }
inline Floats operator/(Floats a, float b) { return {a.v / b}; }
inline Floats greater(Floats a, Floats b, Floats yes, Floats no) { return {a.v > b.v ? yes.v : no.v}; }
inline Floats fma(Floats a, Floats b, Floats c) {
#ifdef __FMA__
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
#else
  for (int i = 0; i < VECTOR; i++) a[i] = fmaf(a[i], b[i], c[i]);
  return a;
#endif
}
inline Floats relu(Floats a) { return {Floats::Lanes{} > a.v ? Floats::Lanes{} : a.v}; }
inline Floats larger(Floats a, Floats b) { return {b.v > a.v || b.v != b.v ? b.v : a.v}; }
inline Floats where_positive(Floats b, Floats a) { return {b.v > Floats::Lanes{} ? a.v : Floats::Lanes{}}; }

template <class T>
inline Floats widen(const Vector<T>& r) {
  Floats f;
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(&f, &r, sizeof f);
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    typedef uint16_t Words __attribute__((vector_size(2 * VECTOR)));
    Words words;
    std::memcpy(&words, &r, sizeof words);
    f.v = std::bit_cast<Floats::Lanes>(__builtin_convertvector(words, Floats::Ints) << 16);
  } else {
#ifdef __F16C__
    f.v = _mm256_cvtph_ps(std::bit_cast<__m128i>(r));
#else
    for (int i = 0; i < VECTOR; i++) f[i] = to_float(r[i]);
#endif
  }
  return f;
}
template <class T>
inline Vector<T> narrow(Floats f) {
  Vector<T> r;
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(&r, &f, sizeof r);
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    typedef uint16_t Words __attribute__((vector_size(2 * VECTOR)));
    typedef uint32_t Bits __attribute__((vector_size(4 * VECTOR)));
    Bits bits = std::bit_cast<Bits>(f.v);
    Bits rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    Words words = __builtin_convertvector((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16 | 0x40u) : rounded, Words);
    std::memcpy(&r, &words, sizeof r);
  } else {
#ifdef __F16C__
    r = std::bit_cast<Vector<T>>(_mm256_cvtps_ph(f.v, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int i = 0; i < VECTOR; i++) r[i] = from_float<T>(f[i]);
#endif
  }
  return r;
}

#endif
