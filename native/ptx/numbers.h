// numbers.h: 16-bit floats and TF32 as the PTX ISA converts them.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace ptx {

constexpr uint16_t NAN16 = 0x7fff;

inline float bits(uint32_t v) { return std::bit_cast<float>(v); }
inline uint32_t bits(float v) { return std::bit_cast<uint32_t>(v); }

inline float fromHalf(uint16_t h) {
#if defined(__F16C__)
  return _cvtsh_ss(h);
#else
  uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
  if (exponent == 31) return bits(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) return (sign != 0 ? -1.0f : 1.0f) * static_cast<float>(fraction) * 0x1p-24f;
  return bits(sign | (exponent + 112) << 23 | fraction << 13);
#endif
}

// To nearest, ties to even.
inline uint16_t toHalf(float f) {
  if (f != f) return NAN16;
#if defined(__F16C__)
  return static_cast<uint16_t>(_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
  uint32_t v = bits(f), sign = v >> 16 & 0x8000, magnitude = v & 0x7fffffff;
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and above
  if (magnitude < 0x38800000u) {                                               // subnormal: the last place is 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(bits(bits(magnitude) + 0.5f) - bits(0.5f)));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000u) >> 13);
#endif
}

inline float fromBfloat(uint16_t b) { return bits(static_cast<uint32_t>(b) << 16); }

inline uint16_t toBfloat(float f) {
  uint32_t v = bits(f), rounded = (v + 0x7fff + (v >> 16 & 1)) >> 16;
  return f != f ? NAN16 : static_cast<uint16_t>(rounded);
}

// To nearest, ties away from zero; ten bits of mantissa.
inline uint32_t toTf32(float f) {
  uint32_t v = bits(f);
  return f != f ? 0x7fffffffu : (v & 0x7f800000u) == 0x7f800000u ? v : (v + 0x1000u) & ~0x1fffu;
}

inline float relu(float f) { return f > 0 || f != f ? f : 0.0f; }
inline float flush(float f) { return std::fabs(f) < 0x1p-126f ? std::copysign(0.0f, f) : f; }

// One of two NaNs gives the other; -0 is below +0.
template <class T>
T least(T x, T y) { return x != x ? y : y != y ? x : x < y ? x : y < x ? y : std::signbit(x) ? x : y; }
template <class T>
T greatest(T x, T y) { return x != x ? y : y != y ? x : x > y ? x : y > x ? y : std::signbit(x) ? y : x; }

}  // namespace ptx
