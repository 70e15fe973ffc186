// conversions.cpp: cvt.
#include <limits>
#include "lanes.h"
#include "numbers.h"

namespace ptx {
namespace {

const Class K = Class::CONVERT;

// Integer to integer, of any widths: of the source's type the low bits count, the result is extended to its register.
// Instruction::immediate: bits of the source's type, whether it is signed, the same of the result.
int64_t extended(int64_t v, int width, bool isSigned) {
  uint64_t up = static_cast<uint64_t>(v) << (64 - width);
  return isSigned ? static_cast<int64_t>(up) >> (64 - width) : static_cast<int64_t>(up >> (64 - width));
}

template <int FROM, bool FROM_SIGNED, int TO, bool TO_SIGNED, class R>
void convert(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  alignas(64) R result[LANES];
  auto all = [&](auto* from) {
    for (int l = 0; l < LANES; ++l) {
      result[l] = static_cast<R>(extended(extended(static_cast<int64_t>(from[l]), FROM, FROM_SIGNED), TO, TO_SIGNED));
    }
  };
  switch (i.extra) {  // the source's register
    case 16: all(w.at<uint16_t>(o[1])); break;
    case 32: all(w.at<uint32_t>(o[1])); break;
    default: all(w.at<uint64_t>(o[1])); break;
  }
  write(w.at<R>(o[0]), result, mask);
}

template <int FROM, bool FROM_SIGNED, int TO, bool TO_SIGNED>
void addInteger(Opcodes& t, const std::string& to, const std::string& from) {
  Opcode& o = t.add("cvt." + to + "." + from, "*:*", K, nullptr);
  o.run[0] = convert<FROM, FROM_SIGNED, TO, TO_SIGNED, uint16_t>;
  o.run[1] = convert<FROM, FROM_SIGNED, TO, TO_SIGNED, uint32_t>;
  o.run[2] = convert<FROM, FROM_SIGNED, TO, TO_SIGNED, uint64_t>;
}
template <int FROM, bool SIGNED>
void addIntegersFrom(Opcodes& t, const std::string& from) {
  addInteger<FROM, SIGNED, 8, false>(t, "u8", from), addInteger<FROM, SIGNED, 8, true>(t, "s8", from);
  addInteger<FROM, SIGNED, 16, false>(t, "u16", from), addInteger<FROM, SIGNED, 16, true>(t, "s16", from);
  addInteger<FROM, SIGNED, 32, false>(t, "u32", from), addInteger<FROM, SIGNED, 32, true>(t, "s32", from);
  addInteger<FROM, SIGNED, 64, false>(t, "u64", from), addInteger<FROM, SIGNED, 64, true>(t, "s64", from);
}

// Saturates; NaN gives 0.
template <class I, class F>
I toInteger(F rounded) {
  constexpr F above = static_cast<F>(std::numeric_limits<I>::max() / 2 + 1) * 2, below = static_cast<F>(std::numeric_limits<I>::min());
  return rounded != rounded ? I{0}
         : rounded >= above ? std::numeric_limits<I>::max()
         : rounded <= below ? std::numeric_limits<I>::min()
                            : static_cast<I>(rounded);
}

template <class I, class F>
void addFloatToInteger(Opcodes& t, const std::string& to, const std::string& from) {
  const std::string types = "." + to + "." + from;
  t.lanes("cvt.rni" + types, K, [](F x) { return toInteger<I, F>(std::nearbyint(x)); });
  t.lanes("cvt.rzi" + types, K, [](F x) { return toInteger<I, F>(std::trunc(x)); });
  t.lanes("cvt.rmi" + types, K, [](F x) { return toInteger<I, F>(std::floor(x)); });
  t.lanes("cvt.rpi" + types, K, [](F x) { return toInteger<I, F>(std::ceil(x)); });
  t.lanes("cvt.rn." + from + "." + to, K, [](I x) { return static_cast<F>(x); });
}

template <class F>
void addFloat(Opcodes& t, const std::string& type) {
  const std::string types = "." + type + "." + type;
  t.lanes("cvt.rni" + types, K, [](F x) { return std::nearbyint(x); });
  t.lanes("cvt.rzi" + types, K, [](F x) { return std::trunc(x); });
  t.lanes("cvt.rmi" + types, K, [](F x) { return std::floor(x); });
  t.lanes("cvt.rpi" + types, K, [](F x) { return std::ceil(x); });
  t.lanes("cvt.sat" + types, K, [](F x) { return x > 0 ? x < 1 ? x : F{1} : F{0}; });
  addFloatToInteger<int32_t, F>(t, "s32", type), addFloatToInteger<uint32_t, F>(t, "u32", type);
  addFloatToInteger<int64_t, F>(t, "s64", type), addFloatToInteger<uint64_t, F>(t, "u64", type);
  t.lanes("cvt.rn." + type + ".s16", K, [](int16_t x) { return static_cast<F>(x); });
  t.lanes("cvt.rn." + type + ".u16", K, [](uint16_t x) { return static_cast<F>(x); });
  t.lanes("cvt.rn." + type + ".s8", K, [](uint16_t x) { return static_cast<F>(static_cast<int8_t>(x)); });
  t.lanes("cvt.rn." + type + ".u8", K, [](uint16_t x) { return static_cast<F>(static_cast<uint8_t>(x)); });
}

uint32_t pair(uint16_t high, uint16_t low) { return static_cast<uint32_t>(high) << 16 | low; }

}  // namespace

void addConversions(Opcodes& t) {
  addIntegersFrom<8, false>(t, "u8"), addIntegersFrom<8, true>(t, "s8");
  addIntegersFrom<16, false>(t, "u16"), addIntegersFrom<16, true>(t, "s16");
  addIntegersFrom<32, false>(t, "u32"), addIntegersFrom<32, true>(t, "s32");
  addIntegersFrom<64, false>(t, "u64"), addIntegersFrom<64, true>(t, "s64");
  addFloat<float>(t, "f32"), addFloat<double>(t, "f64");
  t.lanes("cvt.f64.f32", K, [](float x) { return static_cast<double>(x); });
  t.lanes("cvt.rn.f32.f64", K, [](double x) { return static_cast<float>(x); });
  t.lanes("cvt.f32.f16", K, [](uint16_t x) { return fromHalf(x); });
  t.lanes("cvt.f32.bf16", K, [](uint16_t x) { return fromBfloat(x); }).since = 80;
  t.lanes("cvt.rn.f16.f32", K, [](float x) { return toHalf(x); });
  t.lanes("cvt.rn.bf16.f32", K, [](float x) { return toBfloat(x); }).since = 80;
  t.lanes("cvt.rn.relu.f16.f32", K, [](float x) { return toHalf(relu(x)); }).since = 80;
  t.lanes("cvt.rn.relu.bf16.f32", K, [](float x) { return toBfloat(relu(x)); }).since = 80;
  t.lanes("cvt.rna.tf32.f32", K, [](float x) { return toTf32(x); }).since = 80;
  t.lanes("cvt.rn.f16x2.f32", K, [](float high, float low) { return pair(toHalf(high), toHalf(low)); }).since = 80;
  t.lanes("cvt.rn.bf16x2.f32", K, [](float high, float low) { return pair(toBfloat(high), toBfloat(low)); }).since = 80;
  t.lanes("cvt.rn.relu.f16x2.f32", K, [](float high, float low) { return pair(toHalf(relu(high)), toHalf(relu(low))); }).since = 80;
  t.lanes("cvt.rn.relu.bf16x2.f32", K, [](float high, float low) { return pair(toBfloat(relu(high)), toBfloat(relu(low))); }).since = 80;
}

}  // namespace ptx
