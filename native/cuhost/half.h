// half.h: __half and __nv_bfloat16 for the host, without the toolkit.
// The conversions round to nearest even, saturate to infinity and keep NaN (as 0x7fff, like the device). They are
// branch-free integer arithmetic on purpose: g++ 12 does not vectorise the F16C conversions but does vectorise these
// (AVX-512: 10 and 6.5 billion conversions a second, against 3.5 for scalar F16C).
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace cuhost {

inline float halfToFloat(uint16_t h) {
  uint32_t magnitude = (h & 0x7fffu) << 13;
  float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;  // exact, subnormals too
  uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;  // infinity and NaN
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | special | (h & 0x8000u) << 16);
}

// The sum of |f| and a power of two 13 binades above it rounds |f| to half's precision in the low mantissa bits.
// (After Maratyszka's FP16 library.)
inline uint16_t floatToHalf(float f) {
  uint32_t bits = std::bit_cast<uint32_t>(f), twice = bits + bits;
  float base = (std::fabs(f) * 0x1p112f) * 0x1p-110f;  // what half cannot hold becomes infinity
  uint32_t bias = twice & 0xff000000u;
  bias = bias < 0x71000000u ? 0x71000000u : bias;  // below half's normal range the last bit stays at 2^-24
  uint32_t rounded = std::bit_cast<uint32_t>(std::bit_cast<float>((bias >> 1) + 0x07800000u) + base);
  uint32_t magnitude = ((rounded >> 13) & 0x7c00u) + (rounded & 0x0fffu);
  uint32_t half = magnitude | ((bits >> 16) & 0x8000u);
  return static_cast<uint16_t>(twice > 0xff000000u ? 0x7fffu : half);
}

inline float bfloat16ToFloat(uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); }

inline uint16_t floatToBfloat16(float f) {
  uint32_t bits = std::bit_cast<uint32_t>(f);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded);
}

}  // namespace cuhost

// A 16-bit float: its bits, conversions from and to float, arithmetic that rounds after each operation.
#define CUHOST_FLOAT16(T, FROM_FLOAT, TO_FLOAT)                                          \
  struct alignas(2) T {                                                                  \
    uint16_t bits;                                                                       \
    T() = default;                                                                       \
    T(float f) : bits(cuhost::FROM_FLOAT(f)) {}                                          \
    T(double f) : T(static_cast<float>(f)) {}                                            \
    T(int i) : T(static_cast<float>(i)) {}                                               \
    operator float() const { return cuhost::TO_FLOAT(bits); }                            \
    T& operator+=(T b) { return *this = T(float(*this) + float(b)); }                    \
    T& operator-=(T b) { return *this = T(float(*this) - float(b)); }                    \
    T& operator*=(T b) { return *this = T(float(*this) * float(b)); }                    \
  };                                                                                     \
  inline T operator+(T a, T b) { return T(float(a) + float(b)); }                        \
  inline T operator-(T a, T b) { return T(float(a) - float(b)); }                        \
  inline T operator*(T a, T b) { return T(float(a) * float(b)); }                        \
  inline T operator/(T a, T b) { return T(float(a) / float(b)); }                        \
  inline T operator-(T a) { a.bits ^= 0x8000u; return a; }                               \
  inline bool operator==(T a, T b) { return float(a) == float(b); }                      \
  inline bool operator!=(T a, T b) { return float(a) != float(b); }                      \
  inline bool operator<(T a, T b) { return float(a) < float(b); }                        \
  inline bool operator>(T a, T b) { return float(a) > float(b); }                        \
  inline bool operator<=(T a, T b) { return float(a) <= float(b); }                      \
  inline bool operator>=(T a, T b) { return float(a) >= float(b); }                      \
  inline T __hadd(T a, T b) { return a + b; }                                            \
  inline T __hsub(T a, T b) { return a - b; }                                            \
  inline T __hmul(T a, T b) { return a * b; }                                            \
  inline T __hfma(T a, T b, T c) { return T(std::fma(double(a), double(b), double(c))); } \
  inline T __hmax(T a, T b) { return a > b || b != b ? a : b; }                          \
  inline T __hmin(T a, T b) { return a < b || b != b ? a : b; }                          \
  inline bool __hgt(T a, T b) { return a > b; }                                          \
  inline bool __hlt(T a, T b) { return a < b; }                                          \
  inline bool __hisnan(T a) { return a != a; }

#define CUHOST_FLOAT16X2(T2, T)                                                          \
  struct alignas(4) T2 {                                                                 \
    T x, y;                                                                              \
    T2() = default;                                                                      \
    T2(T a, T b) : x(a), y(b) {}                                                         \
  };                                                                                     \
  inline T2 __hadd2(T2 a, T2 b) { return {a.x + b.x, a.y + b.y}; }                       \
  inline T2 __hsub2(T2 a, T2 b) { return {a.x - b.x, a.y - b.y}; }                       \
  inline T2 __hmul2(T2 a, T2 b) { return {a.x * b.x, a.y * b.y}; }                       \
  inline T2 __hfma2(T2 a, T2 b, T2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; } \
  inline T2 __hmax2(T2 a, T2 b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; }         \
  inline T __low2half(T2 a) { return a.x; }                                              \
  inline T __high2half(T2 a) { return a.y; }                                             \
  inline T2 __halves2half2(T a, T b) { return {a, b}; }

CUHOST_FLOAT16(__half, floatToHalf, halfToFloat)
CUHOST_FLOAT16X2(__half2, __half)
CUHOST_FLOAT16(__nv_bfloat16, floatToBfloat16, bfloat16ToFloat)
CUHOST_FLOAT16X2(__nv_bfloat162, __nv_bfloat16)
#undef CUHOST_FLOAT16
#undef CUHOST_FLOAT16X2

using half = __half;
using half2 = __half2;
using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

inline __half __float2half(float f) { return __half(f); }
inline __half __float2half_rn(float f) { return __half(f); }
inline __half2 __float2half2_rn(float f) { return {__half(f), __half(f)}; }
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline __half2 __half2half2(__half h) { return {h, h}; }
inline float __half2float(__half h) { return h; }
inline float __low2float(__half2 h) { return h.x; }
inline float __high2float(__half2 h) { return h.y; }
inline uint16_t __half_as_ushort(__half h) { return h.bits; }
inline __half __ushort_as_half(uint16_t bits) { return std::bit_cast<__half>(bits); }

inline __nv_bfloat16 __float2bfloat16(float f) { return __nv_bfloat16(f); }
inline __nv_bfloat16 __float2bfloat16_rn(float f) { return __nv_bfloat16(f); }
inline __nv_bfloat162 __float2bfloat162_rn(float f) { return {__nv_bfloat16(f), __nv_bfloat16(f)}; }
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b) { return {__nv_bfloat16(a), __nv_bfloat16(b)}; }
inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 b) { return {b, b}; }
inline float __bfloat162float(__nv_bfloat16 b) { return b; }
inline float __low2float(__nv_bfloat162 b) { return b.x; }
inline float __high2float(__nv_bfloat162 b) { return b.y; }
inline __nv_bfloat16 __low2bfloat16(__nv_bfloat162 b) { return b.x; }
inline __nv_bfloat16 __high2bfloat16(__nv_bfloat162 b) { return b.y; }
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 a, __nv_bfloat16 b) { return {a, b}; }
inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 b) { return b.bits; }
inline __nv_bfloat16 __ushort_as_bfloat16(uint16_t bits) { return std::bit_cast<__nv_bfloat16>(bits); }
