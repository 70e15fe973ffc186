// check.h: a test is a function in a list; a failed check says where and goes on.
#pragma once
#include <cstdio>
#include <functional>
#include <string>
#include <vector>
#include "api.h"

struct Test {
  const char* name;
  void (*run)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}
inline int failures = 0;
inline bool addTest(const char* name, void (*run)()) {
  tests().push_back({name, run});
  return true;
}
#define TEST(name)                                           \
  static void name();                                        \
  static const bool name##_added = addTest(#name, name);     \
  static void name()

#define CHECK(condition)                                                               \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      ++failures;                                                                      \
      std::printf("  %s:%d: %s is false\n", __FILE_NAME__, __LINE__, #condition);       \
    }                                                                                  \
  } while (0)
#define SAME(actual, expected)                                                                                  \
  do {                                                                                                          \
    auto actual_ = static_cast<long long>(actual);                                                              \
    auto expected_ = static_cast<long long>(expected);                                                          \
    if (actual_ != expected_) {                                                                                 \
      ++failures;                                                                                               \
      std::printf("  %s:%d: %s is %lld, not %lld\n", __FILE_NAME__, __LINE__, #actual, actual_, expected_);     \
    }                                                                                                           \
  } while (0)
#define OK(call) SAME(call, CUDA_SUCCESS)
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif
