// arithmetic.cpp: integer, floating-point and logical instructions, comparisons, moves.
#include <cfenv>
#include <limits>
#include "lanes.h"
#include "numbers.h"

namespace ptx {
namespace {

using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s16 = int16_t;
using s32 = int32_t;
using s64 = int64_t;

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// Twice as wide.
template <class T> struct Wide;
template <> struct Wide<u16> { using type = u32; };
template <> struct Wide<s16> { using type = s32; };
template <> struct Wide<u32> { using type = u64; };
template <> struct Wide<s32> { using type = s64; };
template <> struct Wide<u64> { using type = unsigned __int128; };
template <> struct Wide<s64> { using type = __int128; };

template <class T>
T highOf(T x, T y) {
  using W = typename Wide<T>::type;
  return static_cast<T>((W{x} * W{y}) >> (8 * sizeof(T)));
}

// What a division by zero gives is not defined; here it is all ones.
template <class T>
T quotient(T x, T y) {
  if (y == 0) return static_cast<T>(-1);
  if (std::is_signed_v<T> && y == static_cast<T>(-1)) return static_cast<T>(-static_cast<Unsigned<T>>(x));
  return static_cast<T>(x / y);
}

template <class T>
void addIntegers(Opcodes& t, const std::string& type) {
  const Class k = Class::INTEGER;
  using U = Unsigned<T>;
  t.lanes("add." + type, k, [](U x, U y) { return static_cast<U>(x + y); });
  t.lanes("sub." + type, k, [](U x, U y) { return static_cast<U>(x - y); });
  t.lanes("mul.lo." + type, k, [](U x, U y) { return static_cast<U>(u64{x} * y); });
  t.lanes("mul.hi." + type, k, [](T x, T y) { return highOf<T>(x, y); });
  t.lanes("mad.lo." + type, k, [](U x, U y, U z) { return static_cast<U>(u64{x} * y + z); });
  t.lanes("mad.hi." + type, k, [](T x, T y, T z) { return static_cast<T>(static_cast<U>(highOf<T>(x, y)) + static_cast<U>(z)); });
  t.lanes("div." + type, k, [](T x, T y) { return quotient(x, y); });
  t.lanes("rem." + type, k, [](T x, T y) { return static_cast<T>(static_cast<U>(x) - static_cast<U>(quotient(x, y)) * static_cast<U>(y)); });
  t.lanes("min." + type, k, [](T x, T y) { return x < y ? x : y; });
  t.lanes("max." + type, k, [](T x, T y) { return x > y ? x : y; });
  t.lanes("shr." + type, k, [](T x, u32 by) {
    constexpr u32 most = 8 * sizeof(T) - 1;
    return by > most ? static_cast<T>(std::is_signed_v<T> ? x >> most : 0) : static_cast<T>(x >> by);
  });
  if constexpr (std::is_signed_v<T>) {
    t.lanes("neg." + type, k, [](U x) { return static_cast<U>(-x); });
    t.lanes("abs." + type, k, [](T x) { return x < 0 ? static_cast<T>(-static_cast<U>(x)) : x; });
  }
  if constexpr (sizeof(T) < 8) {
    using W = typename Wide<T>::type;
    using V = Unsigned<W>;
    t.lanes("mul.wide." + type, k, [](T x, T y) { return static_cast<W>(W{x} * W{y}); });
    t.lanes("mad.wide." + type, k, [](T x, T y, W z) { return static_cast<W>(static_cast<V>(W{x} * W{y}) + static_cast<V>(z)); });
  }
  if constexpr (sizeof(T) >= 4) {
    t.lanes("bfe." + type, k, [](T x, u32 from, u32 count) {
      constexpr u32 width = 8 * sizeof(T);
      from &= 255, count &= 255;
      if (count == 0) return T{0};
      const T sign = std::is_signed_v<T> && x < 0 ? static_cast<T>(-1) : T{0};
      if (from >= width) return sign;
      u32 keep = count > width - from ? width - from : count;
      // Past the end the field has the sign bit of its own last bit, which is the number's.
      return static_cast<T>(static_cast<T>(static_cast<U>(x) << (width - from - keep)) >> (width - keep));
    });
    t.lanes("bfind." + type, k, [](T x) {
      U v = static_cast<U>(x < 0 ? ~x : x);
      return v == 0 ? ~0u : static_cast<u32>(63 - __builtin_clzll(u64{v}));
    });
    t.lanes("sad." + type, k, [](T x, T y, U z) { return static_cast<U>(z + (x < y ? static_cast<U>(y) - static_cast<U>(x) : static_cast<U>(x) - static_cast<U>(y))); });
  }
}

template <class U>
void addBits(Opcodes& t, const std::string& width) {
  const Class k = Class::INTEGER;
  t.lanes("and.b" + width, k, [](U x, U y) { return static_cast<U>(x & y); });
  t.lanes("or.b" + width, k, [](U x, U y) { return static_cast<U>(x | y); });
  t.lanes("xor.b" + width, k, [](U x, U y) { return static_cast<U>(x ^ y); });
  t.lanes("not.b" + width, k, [](U x) { return static_cast<U>(~x); });
  t.lanes("cnot.b" + width, k, [](U x) { return static_cast<U>(x == 0 ? 1 : 0); });
  t.lanes("shl.b" + width, k, [](U x, u32 by) { return by >= 8 * sizeof(U) ? U{0} : static_cast<U>(x << by); });
  t.lanes("shr.b" + width, k, [](U x, u32 by) { return by >= 8 * sizeof(U) ? U{0} : static_cast<U>(x >> by); });
  if constexpr (sizeof(U) >= 4) {
    t.lanes("popc.b" + width, k, [](U x) { return static_cast<u32>(__builtin_popcountll(x)); });
    t.lanes("clz.b" + width, k, [](U x) { return x == 0 ? static_cast<u32>(8 * sizeof(U)) : static_cast<u32>(__builtin_clzll(x)) - (64 - 8 * static_cast<u32>(sizeof(U))); });
    t.lanes("brev.b" + width, k, [](U x) {
      u64 v = __builtin_bswap64(u64{x} << (64 - 8 * sizeof(U)));
      v = (v >> 4 & 0x0f0f0f0f0f0f0f0full) | (v & 0x0f0f0f0f0f0f0f0full) << 4;
      v = (v >> 2 & 0x3333333333333333ull) | (v & 0x3333333333333333ull) << 2;
      v = (v >> 1 & 0x5555555555555555ull) | (v & 0x5555555555555555ull) << 1;
      return static_cast<U>(v);
    });
    t.lanes("bfi.b" + width, k, [](U field, U into, u32 at, u32 count) {
      constexpr u32 most = 8 * sizeof(U);
      at &= 255, count &= 255;
      if (at >= most) return into;
      U mask = static_cast<U>((count >= most ? ~U{0} : (U{1} << count) - 1) << at);
      return static_cast<U>((into & ~mask) | (field << at & mask));
    });
  }
}

u32 permuted(u32 x, u32 y, u32 selector) {
  u64 bytes = u64{y} << 32 | x;
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    u32 s = selector >> (4 * i);
    u32 byte = static_cast<u32>(bytes >> (8 * (s & 7))) & 255;
    if ((s & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
    result |= byte << (8 * i);
  }
  return result;
}

// ---- comparisons ----------------------------------------------------------------------------------------------------

template <class T>
void addComparisons(Opcodes& t, const std::string& type, bool equalityOnly) {
  const Class k = std::is_floating_point_v<T> ? Class::FLOAT : Class::INTEGER;
  t.lanes("setp.eq." + type, k, [](T x, T y) { return x == y; });
  if constexpr (std::is_floating_point_v<T>) {
    t.lanes("setp.ne." + type, k, [](T x, T y) { return x < y || x > y; });
    t.lanes("setp.equ." + type, k, [](T x, T y) { return !(x < y || x > y); });
    t.lanes("setp.neu." + type, k, [](T x, T y) { return !(x == y); });
    t.lanes("setp.ltu." + type, k, [](T x, T y) { return !(x >= y); });
    t.lanes("setp.leu." + type, k, [](T x, T y) { return !(x > y); });
    t.lanes("setp.gtu." + type, k, [](T x, T y) { return !(x <= y); });
    t.lanes("setp.geu." + type, k, [](T x, T y) { return !(x < y); });
    t.lanes("setp.num." + type, k, [](T x, T y) { return x == x && y == y; });
    t.lanes("setp.nan." + type, k, [](T x, T y) { return x != x || y != y; });
  } else {
    t.lanes("setp.ne." + type, k, [](T x, T y) { return x != y; });
  }
  if (equalityOnly) return;
  t.lanes("setp.lt." + type, k, [](T x, T y) { return x < y; });
  t.lanes("setp.le." + type, k, [](T x, T y) { return x <= y; });
  t.lanes("setp.gt." + type, k, [](T x, T y) { return x > y; });
  t.lanes("setp.ge." + type, k, [](T x, T y) { return x >= y; });
}

// ---- floating point -------------------------------------------------------------------------------------------------

template <class T>
T fused(T x, T y, T z) { return std::is_same_v<T, float> ? static_cast<T>(__builtin_fmaf(x, y, z)) : static_cast<T>(__builtin_fma(x, y, z)); }

// With another rounding than to nearest; not worth the speed of vectors.
template <int MODE, class F>
[[gnu::noinline]] auto rounded(F f) {
  int before = std::fegetround();
  std::fesetround(MODE);
  auto result = f();
  asm volatile("" : "+m"(result));
  std::fesetround(before);
  return result;
}

template <class T, int MODE>
void addRounded(Opcodes& t, const std::string& mode, const std::string& type, Class k) {
  t.lanes("add." + mode + type, k, [](T x, T y) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(a + y); }); });
  t.lanes("sub." + mode + type, k, [](T x, T y) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(a - y); }); });
  t.lanes("mul." + mode + type, k, [](T x, T y) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(a * y); }); });
  t.lanes("div." + mode + type, k, [](T x, T y) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(a / y); }); });
  t.lanes("fma." + mode + type, k, [](T x, T y, T z) { volatile T a = x; return rounded<MODE>([&] { return fused<T>(a, y, z); }); });
  t.lanes("sqrt." + mode + type, k, [](T x) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(std::sqrt(static_cast<T>(a))); }); });
  t.lanes("rcp." + mode + type, k, [](T x) { volatile T a = x; return rounded<MODE>([&] { return static_cast<T>(1 / a); }); });
}

template <class T>
void addFloats(Opcodes& t, const std::string& type, Class k) {
  for (const char* rn : {"", "rn."}) {
    t.lanes(std::string("add.") + rn + type, k, [](T x, T y) { return x + y; });
    t.lanes(std::string("sub.") + rn + type, k, [](T x, T y) { return x - y; });
    t.lanes(std::string("mul.") + rn + type, k, [](T x, T y) { return x * y; });
  }
  t.lanes("fma.rn." + type, k, [](T x, T y, T z) { return fused<T>(x, y, z); });
  t.lanes("div.rn." + type, k, [](T x, T y) { return x / y; });
  t.lanes("rcp.rn." + type, k, [](T x) { return 1 / x; });
  t.lanes("sqrt.rn." + type, k, [](T x) { return std::sqrt(x); });
  t.lanes("neg." + type, k, [](T x) { return -x; });
  t.lanes("abs." + type, k, [](T x) { return std::fabs(x); });
  t.lanes("min." + type, k, [](T x, T y) { return least(x, y); });
  t.lanes("max." + type, k, [](T x, T y) { return greatest(x, y); });
  t.lanes("copysign." + type, k, [](T x, T y) { return std::copysign(y, x); });
  t.lanes("testp.finite." + type, k, [](T x) { return std::fabs(x) <= std::numeric_limits<T>::max(); });
  t.lanes("testp.infinite." + type, k, [](T x) { return std::fabs(x) > std::numeric_limits<T>::max(); });
  t.lanes("testp.number." + type, k, [](T x) { return x == x; });
  t.lanes("testp.notanumber." + type, k, [](T x) { return x != x; });
  addRounded<T, FE_TOWARDZERO>(t, "rz.", type, k);
  addRounded<T, FE_DOWNWARD>(t, "rm.", type, k);
  addRounded<T, FE_UPWARD>(t, "rp.", type, k);
}

// Approximations are as exact as a float is, with subnormals flushed where the name says so.
void addSpecialFunctions(Opcodes& t) {
  const Class k = Class::SPECIAL;
  t.lanes("ex2.approx.f32", k, [](float x) { return std::exp2(x); });
  t.lanes("ex2.approx.ftz.f32", k, [](float x) { return flush(static_cast<float>(std::exp2(static_cast<double>(flush(x))))); });
  for (const char* ftz : {"", "ftz."}) {
    const std::string name = std::string(ftz) + "f32";
    t.lanes("rcp.approx." + name, k, [](float x) { return flush(1.0f / flush(x)); });
    t.lanes("rsqrt.approx." + name, k, [](float x) { return static_cast<float>(1 / std::sqrt(static_cast<double>(x))); });
    t.lanes("sqrt.approx." + name, k, [](float x) { return std::sqrt(x); });
    t.lanes("lg2.approx." + name, k, [](float x) { return std::log2(x); });
    t.lanes("sin.approx." + name, k, [](float x) { return std::sin(x); });
    t.lanes("cos.approx." + name, k, [](float x) { return std::cos(x); });
    t.lanes("div.approx." + name, k, [](float x, float y) { return x / y; });
    t.lanes("div.full." + name, k, [](float x, float y) { return x / y; });
  }
  t.lanes("tanh.approx.f32", k, [](float x) { return std::tanh(x); });
  t.lanes("rsqrt.approx.f64", k, [](double x) { return 1 / std::sqrt(x); });
  const Class f = Class::FLOAT;
  t.lanes("add.ftz.f32", f, [](float x, float y) { return flush(flush(x) + flush(y)); });
  t.lanes("sub.ftz.f32", f, [](float x, float y) { return flush(flush(x) - flush(y)); });
  t.lanes("mul.ftz.f32", f, [](float x, float y) { return flush(flush(x) * flush(y)); });
  t.lanes("fma.rn.ftz.f32", f, [](float x, float y, float z) { return flush(fused(flush(x), flush(y), flush(z))); });
  t.lanes("min.ftz.f32", f, [](float x, float y) { return least(flush(x), flush(y)); });
  t.lanes("max.ftz.f32", f, [](float x, float y) { return greatest(flush(x), flush(y)); });
  t.lanes("min.NaN.f32", f, [](float x, float y) { return x != x || y != y ? bits(0x7fffffffu) : least(x, y); });
  t.lanes("max.NaN.f32", f, [](float x, float y) { return x != x || y != y ? bits(0x7fffffffu) : greatest(x, y); });
  t.lanes("add.sat.f32", f, [](float x, float y) { float s = x + y; return s > 0 ? s < 1 ? s : 1.0f : 0.0f; });
  t.lanes("mul.sat.f32", f, [](float x, float y) { float s = x * y; return s > 0 ? s < 1 ? s : 1.0f : 0.0f; });
  t.lanes("fma.rn.sat.f32", f, [](float x, float y, float z) { float s = fused(x, y, z); return s > 0 ? s < 1 ? s : 1.0f : 0.0f; });
}

// ---- 16-bit floats --------------------------------------------------------------------------------------------------

struct F16 {
  static float from(u16 v) { return fromHalf(v); }
  static u16 to(float v) { return toHalf(v); }
};
struct BF16 {
  static float from(u16 v) { return fromBfloat(v); }
  static u16 to(float v) { return toBfloat(v); }
};

// One rounding: a float holds the exact product, and its sum with a third is rounded once more only where a double's
// 53 bits do not reach.
template <class H>
struct Halves {
  static u16 fma(u16 x, u16 y, u16 z) {
    double exact = static_cast<double>(H::from(x)) * H::from(y) + H::from(z);
    float f = static_cast<float>(exact);
    // To odd, so that the second rounding sees what the first cut off.
    if (f == f && static_cast<double>(f) != exact && (bits(f) & 1) == 0) {
      f = bits(bits(f) + (std::fabs(static_cast<double>(f)) < std::fabs(exact) ? 1 : -1));
    }
    return H::to(f);
  }
  template <class F>
  static void add(Opcodes& t, const std::string& name, const std::string& type, F, int since) {
    t.lanes(name + type, Class::HALF, [](u16 x, u16 y) { return F{}(x, y); }).since = since;
    t.lanes(name + type + "x2", Class::HALF, [](u32 x, u32 y) {
      return static_cast<u32>(F{}(static_cast<u16>(x), static_cast<u16>(y))) |
             static_cast<u32>(F{}(static_cast<u16>(x >> 16), static_cast<u16>(y >> 16))) << 16;
    }).since = since;
  }
  static void addAll(Opcodes& t, const std::string& type, int arithmetic, int since) {
    for (const char* rn : {"", "rn."}) {
      add(t, std::string("add.") + rn, type, [](u16 x, u16 y) { return H::to(H::from(x) + H::from(y)); }, arithmetic);
      add(t, std::string("sub.") + rn, type, [](u16 x, u16 y) { return H::to(H::from(x) - H::from(y)); }, arithmetic);
      add(t, std::string("mul.") + rn, type, [](u16 x, u16 y) { return H::to(H::from(x) * H::from(y)); }, arithmetic);
    }
    add(t, "min.", type, [](u16 x, u16 y) { return H::to(least(H::from(x), H::from(y))); }, since);
    add(t, "max.", type, [](u16 x, u16 y) { return H::to(greatest(H::from(x), H::from(y))); }, since);
    t.lanes("fma.rn." + type, Class::HALF, [](u16 x, u16 y, u16 z) { return fma(x, y, z); }).since = since;
    t.lanes("fma.rn." + type + "x2", Class::HALF, [](u32 x, u32 y, u32 z) {
      return static_cast<u32>(fma(static_cast<u16>(x), static_cast<u16>(y), static_cast<u16>(z))) |
             static_cast<u32>(fma(static_cast<u16>(x >> 16), static_cast<u16>(y >> 16), static_cast<u16>(z >> 16))) << 16;
    }).since = since;
    t.lanes("neg." + type, Class::HALF, [](u16 x) { return static_cast<u16>(x ^ 0x8000); }).since = since;
    t.lanes("abs." + type, Class::HALF, [](u16 x) { return static_cast<u16>(x & 0x7fff); }).since = since;
    t.lanes("neg." + type + "x2", Class::HALF, [](u32 x) { return x ^ 0x80008000u; }).since = since;
    t.lanes("abs." + type + "x2", Class::HALF, [](u32 x) { return x & 0x7fff7fffu; }).since = since;
    t.lanes("setp.eq." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) == H::from(y); }).since = arithmetic;
    t.lanes("setp.neu." + type, Class::HALF, [](u16 x, u16 y) { return !(H::from(x) == H::from(y)); }).since = arithmetic;
    t.lanes("setp.lt." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) < H::from(y); }).since = arithmetic;
    t.lanes("setp.le." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) <= H::from(y); }).since = arithmetic;
    t.lanes("setp.gt." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) > H::from(y); }).since = arithmetic;
    t.lanes("setp.ge." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) >= H::from(y); }).since = arithmetic;
    t.lanes("setp.nan." + type, Class::HALF, [](u16 x, u16 y) { return H::from(x) != H::from(x) || H::from(y) != H::from(y); }).since = arithmetic;
  }
};

// ---- moves ----------------------------------------------------------------------------------------------------------

template <class U>
void addMoves(Opcodes& t, std::initializer_list<const char*> types) {
  for (const char* type : types) {
    t.lanes(std::string("mov.") + type, Class::MOVE, [](U x) { return x; });
    t.lanes(std::string("selp.") + type, Class::INTEGER, [](U x, U y, bool p) { return p ? x : y; });
  }
}

// mov.b32 {h, h} and its like: N parts of type P from or to one register of type W.
template <class W, class P, int N>
void unpack(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  alignas(64) P parts[N][LANES];
  const W* from = w.at<W>(o[N]);
  for (int n = 0; n < N; ++n) {
    for (int l = 0; l < LANES; ++l) parts[n][l] = static_cast<P>(from[l] >> (8 * sizeof(P) * n));
  }
  for (int n = 0; n < N; ++n) write(w.at<P>(o[n]), parts[n], mask);
}
template <class W, class P, int N>
void pack(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  alignas(64) W whole[LANES] = {};
  for (int n = 0; n < N; ++n) {
    const P* part = w.at<P>(o[1 + n]);
    for (int l = 0; l < LANES; ++l) whole[l] |= static_cast<W>(W{part[l]} << (8 * sizeof(P) * n));
  }
  write(w.at<W>(o[0]), whole, mask);
}

}  // namespace

void addArithmetic(Opcodes& t) {
  addIntegers<u16>(t, "u16"), addIntegers<u32>(t, "u32"), addIntegers<u64>(t, "u64");
  addIntegers<s16>(t, "s16"), addIntegers<s32>(t, "s32"), addIntegers<s64>(t, "s64");
  addBits<u16>(t, "16"), addBits<u32>(t, "32"), addBits<u64>(t, "64");
  const Class k = Class::INTEGER;
  t.lanes("and.pred", k, [](bool x, bool y) { return x && y; });
  t.lanes("or.pred", k, [](bool x, bool y) { return x || y; });
  t.lanes("xor.pred", k, [](bool x, bool y) { return x != y; });
  t.lanes("not.pred", k, [](bool x) { return !x; });
  t.lanes("prmt.b32", k, [](u32 x, u32 y, u32 s) { return permuted(x, y, s); });
  t.lanes("shf.l.wrap.b32", k, [](u32 low, u32 high, u32 by) { return static_cast<u32>((u64{high} << 32 | low) << (by & 31) >> 32); });
  t.lanes("shf.r.wrap.b32", k, [](u32 low, u32 high, u32 by) { return static_cast<u32>((u64{high} << 32 | low) >> (by & 31)); });
  t.lanes("shf.l.clamp.b32", k, [](u32 low, u32 high, u32 by) { return by >= 32 ? low : static_cast<u32>((u64{high} << 32 | low) << by >> 32); });
  t.lanes("shf.r.clamp.b32", k, [](u32 low, u32 high, u32 by) { return by >= 32 ? high : static_cast<u32>((u64{high} << 32 | low) >> by); });
  t.lanes("lop3.b32", k, [](u32 x, u32 y, u32 z, u32 table) {
    u32 result = 0;
    for (u32 i = 0; i < 8; ++i) {
      u32 here = ((i & 4) != 0 ? x : ~x) & ((i & 2) != 0 ? y : ~y) & ((i & 1) != 0 ? z : ~z);
      result |= (table >> i & 1) != 0 ? here : 0;
    }
    return result;
  });
  addComparisons<u16>(t, "u16", false), addComparisons<u32>(t, "u32", false), addComparisons<u64>(t, "u64", false);
  addComparisons<s16>(t, "s16", false), addComparisons<s32>(t, "s32", false), addComparisons<s64>(t, "s64", false);
  addComparisons<u16>(t, "b16", true), addComparisons<u32>(t, "b32", true), addComparisons<u64>(t, "b64", true);
  addComparisons<float>(t, "f32", false), addComparisons<double>(t, "f64", false);
  addFloats<float>(t, "f32", Class::FLOAT), addFloats<double>(t, "f64", Class::DOUBLE);
  addSpecialFunctions(t);
  Halves<F16>::addAll(t, "f16", 75, 75);
  Halves<BF16>::addAll(t, "bf16", 90, 80);
  addMoves<u16>(t, {"b16", "u16", "s16", "f16", "bf16"});
  addMoves<u32>(t, {"b32", "u32", "s32", "f32"});
  addMoves<u64>(t, {"b64", "u64", "s64", "f64"});
  t.lanes("mov.pred", Class::MOVE, [](bool x) { return x; });
  t.add("mov.b32{", "h2:w", Class::MOVE, unpack<u32, u16, 2>), t.add("mov.b32}", "w:h2", Class::MOVE, pack<u32, u16, 2>);
  t.add("mov.b64{", "w2:d", Class::MOVE, unpack<u64, u32, 2>), t.add("mov.b64}", "d:w2", Class::MOVE, pack<u64, u32, 2>);
  t.add("mov.b64{4", "h4:d", Class::MOVE, unpack<u64, u16, 4>), t.add("mov.b64}4", "d:h4", Class::MOVE, pack<u64, u16, 4>);
  for (const char* space : {"global", "shared", "local", "const", "param"}) {
    if (std::string(space) == "shared") continue;
    t.lanes(std::string("cvta.to.") + space + ".u64", Class::MOVE, [](u64 x) { return x; });
    t.lanes(std::string("cvta.") + space + ".u64", Class::MOVE, [](u64 x) { return x; });
  }
  t.lanes("cvta.to.shared.u64", Class::MOVE, [](u64 x) { return x - SHARED_WINDOW; });
  t.lanes("cvta.shared.u64", Class::MOVE, [](u64 x) { return x + SHARED_WINDOW; });
}

}  // namespace ptx
