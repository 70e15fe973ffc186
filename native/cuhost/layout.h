// layout.h: the fields of a kernel's parameter struct, as its declaration has them: their names, types and offsets.
// Nothing is declared twice: structured bindings give the fields, and the compiler's name of a function with a field as
// template argument has the field's name. Numbers, pointers, and structs of these; no arrays and no base classes.
#pragma once
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include "module.h"

namespace cuhost {

struct Anything {
  template <class T>
  operator T() const;
};

template <class S, class... Values>
constexpr int fieldCount() {
  if constexpr (requires { S{Values()..., Anything()}; }) {
    return fieldCount<S, Values..., Anything>();
  } else {
    return sizeof...(Values);
  }
}

template <class S>
struct Example { S value; };
template <class S>
extern const Example<S> example;  // never defined: only the addresses of its fields are template arguments

// The addresses of all fields.
template <class S>
constexpr auto fieldsOf(const S& s) {
  constexpr int n = fieldCount<S>();
  static_assert(n > 0 && n <= 16, "a parameter struct has 1 to 16 fields");
#define CUHOST_FIELDS(count, ...)                                                        \
  if constexpr (n == count) {                                                            \
    auto& [__VA_ARGS__] = s;                                                             \
    return [](const auto&... field) { return std::tuple(&field...); }(__VA_ARGS__);      \
  }
  CUHOST_FIELDS(1, a)
  CUHOST_FIELDS(2, a, b)
  CUHOST_FIELDS(3, a, b, c)
  CUHOST_FIELDS(4, a, b, c, d)
  CUHOST_FIELDS(5, a, b, c, d, e)
  CUHOST_FIELDS(6, a, b, c, d, e, f)
  CUHOST_FIELDS(7, a, b, c, d, e, f, g)
  CUHOST_FIELDS(8, a, b, c, d, e, f, g, h)
  CUHOST_FIELDS(9, a, b, c, d, e, f, g, h, i)
  CUHOST_FIELDS(10, a, b, c, d, e, f, g, h, i, j)
  CUHOST_FIELDS(11, a, b, c, d, e, f, g, h, i, j, k)
  CUHOST_FIELDS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  CUHOST_FIELDS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  CUHOST_FIELDS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, o)
  CUHOST_FIELDS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p)
  CUHOST_FIELDS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q)
#undef CUHOST_FIELDS
}

// "... [with auto Field = (& example<S>.Example<S>::value.S::name)]"
template <auto Field>
constexpr auto fieldName() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(0, name.find_last_not_of(")]") + 1);
  return name.substr(name.find_last_of(":.") + 1);
}

template <class F>
constexpr const char* fieldType() {
  if constexpr (std::is_pointer_v<F>) return "address";
  if constexpr (std::is_same_v<F, float>) return "float";
  if constexpr (std::is_same_v<F, double>) return "double";
  if constexpr (std::is_integral_v<F>) return sizeof(F) == 8 ? "long" : sizeof(F) == 4 ? "int" : "unknown";
  return nullptr;
}

template <class S>
struct Fields {
  static constexpr uint32_t count = fieldCount<S>();
  CuhostField all[count];

  template <size_t... I>
  constexpr Fields(std::index_sequence<I...>) {
    uint32_t end = 0;
    (add<std::remove_cvref_t<decltype(*std::get<I>(fieldsOf(example<S>.value)))>>(
         all[I], fieldName<std::get<I>(fieldsOf(example<S>.value))>(), end), ...);
  }
  constexpr Fields() : Fields(std::make_index_sequence<count>()) {}

  template <class F>
  static constexpr void add(CuhostField& field, std::string_view name, uint32_t& end);
};

template <class S>
inline constexpr Fields<S> fields{};

template <class S>
template <class F>
constexpr void Fields<S>::add(CuhostField& field, std::string_view name, uint32_t& end) {
  uint32_t offset = (end + alignof(F) - 1) / alignof(F) * alignof(F);
  end = offset + sizeof(F);
  field = {name.data(), static_cast<uint32_t>(name.size()), fieldType<F>(), offset, nullptr, 0};
  if constexpr (std::is_class_v<F>) field.members = fields<F>.all, field.memberCount = Fields<F>::count;
}

}  // namespace cuhost
