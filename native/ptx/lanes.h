// lanes.h: from a function of one lane's values to an instruction of a warp.
#pragma once
#include <cstring>
#include <string>
#include <unordered_map>
#include <tuple>
#include <type_traits>
#include <utility>
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include "warp.h"

namespace ptx {

// Bit l is set where t[l] is not zero; t holds 0 or -1.
inline uint32_t bitsOf(const int32_t (&t)[LANES]) {
  uint32_t bits = 0;
#if defined(__AVX2__)
  for (int i = 0; i < LANES; i += 8) {
    __m256i v = _mm256_load_si256(reinterpret_cast<const __m256i*>(t + i));
    bits |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(v))) << i;
  }
#else
  for (int l = 0; l < LANES; ++l) bits |= static_cast<uint32_t>(t[l] & 1) << l;
#endif
  return bits;
}

template <class T>
void write(T* to, const T (&values)[LANES], uint32_t mask) {
  if (mask == ~0u) {
    std::memcpy(to, values, sizeof values);
  } else {
    for (int l = 0; l < LANES; ++l) to[l] = (mask >> l & 1) != 0 ? values[l] : to[l];
  }
}

// How a lane's value of a type is read; a bool is a bit of a predicate.
template <class T>
struct Lanes {
  const T* values;
  Lanes(const Warp& w, uint32_t operand) : values(w.at<T>(operand)) {}
  T operator[](int l) const { return values[l]; }
};
template <>
struct Lanes<bool> {
  uint32_t bits;
  Lanes(const Warp& w, uint32_t operand) : bits(w.predicate(operand)) {}
  bool operator[](int l) const { return (bits >> l & 1) != 0; }
};

enum Joined : uint8_t { ALONE, AND, OR, XOR };  // Instruction::extra of setp

template <class F, class R, class... A, size_t... I>
void runLanes(Warp& w, const Instruction& i, uint32_t mask, std::index_sequence<I...>) {
  const uint32_t* o = w.operandsOf(i);
  std::tuple<Lanes<A>...> in{Lanes<A>(w, o[1 + I])...};
  if constexpr (std::is_same_v<R, bool>) {
    alignas(64) int32_t t[LANES];
    for (int l = 0; l < LANES; ++l) t[l] = -static_cast<int32_t>(F{}(std::get<I>(in)[l]...));
    uint32_t bits = bitsOf(t);
    if (i.extra != ALONE) {
      uint32_t other = w.predicate(o[1 + sizeof...(A)]);
      bits = i.extra == AND ? bits & other : i.extra == OR ? bits | other : bits ^ other;
    }
    uint32_t& p = w.predicate(o[0]);
    p = (p & ~mask) | (bits & mask);
  } else {
    alignas(64) R result[LANES];
    for (int l = 0; l < LANES; ++l) result[l] = F{}(std::get<I>(in)[l]...);
    write(w.at<R>(o[0]), result, mask);
  }
}

template <class T>
constexpr char letterOf() {
  return std::is_same_v<T, bool> ? 'p' : sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'w' : 'd';
}

template <class F, class S>
struct Lanewise;
template <class F, class C, class R, class... A>
struct Lanewise<F, R (C::*)(A...) const> {
  static std::string form() { return std::string{letterOf<R>(), ':', letterOf<A>()...}; }
  static void run(Warp& w, const Instruction& i, uint32_t mask) {
    runLanes<F, R, A...>(w, i, mask, std::index_sequence_for<A...>());
  }
};

class Opcodes {
 public:
  // `f` is a function of one lane, without captures; its types say what the registers are.
  template <class F>
  Opcode& lanes(const std::string& name, Class kind, F) {
    using L = Lanewise<F, decltype(&F::operator())>;
    return add(name, L::form(), kind, L::run);
  }
  Opcode& add(const std::string& name, const std::string& form, Class kind, Handler run) {
    Opcode& o = table[name];
    o.form = form;
    o.kind = kind;
    o.run[0] = o.run[1] = o.run[2] = run;
    return o;
  }
  const Opcode* find(std::string_view name) const {
    auto found = table.find(std::string(name));
    return found == table.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::string, Opcode> table;
};

}  // namespace ptx
