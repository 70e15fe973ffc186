// __half and __nv_bfloat16 against the definition of rounding to nearest even.
#include <cmath>
#include "check.h"
#include "half.h"

// The nearest of all finite values, the even one of two; infinity from half an ulp beyond the largest.
static uint16_t nearest(float f, float (*widen)(uint16_t), uint16_t infinity) {
  if (std::isnan(f)) return 0x7fff;
  uint16_t sign = std::signbit(f) ? 0x8000 : 0;
  double magnitude = std::fabs(static_cast<double>(f));
  uint16_t low = 0, high = infinity;  // widen(low) <= magnitude < widen(high)
  if (std::isinf(f)) return sign | infinity;
  while (high - low > 1) {
    uint16_t middle = static_cast<uint16_t>((low + high) / 2);
    (widen(middle) <= magnitude ? low : high) = middle;
  }
  double below = widen(low);
  double above = high == infinity ? 2 * below - widen(low - 1) : widen(high);
  double rest = (magnitude - below) - (above - magnitude);
  return sign | (rest > 0 || (rest == 0 && (low & 1)) ? high : low);
}

static void compare(uint16_t (*narrow)(float), float (*widen)(uint16_t), uint16_t infinity) {
  int wrong = 0;
  auto check = [&](float f) { wrong += narrow(f) != nearest(f, widen, infinity); };
  for (uint32_t h = 0; h < 0x10000; ++h) {  // each value, its neighbours, and the ties
    float f = widen(static_cast<uint16_t>(h)), next = widen(static_cast<uint16_t>(h + 1));
    if (std::isnan(f)) {
      wrong += !std::isnan(widen(narrow(f)));
      continue;
    }
    wrong += narrow(f) != h;
    for (float g : {std::nextafter(f, 1e30f), std::nextafter(f, -1e30f)}) check(g);
    if (!std::isnan(next) && !std::isinf(next)) {
      float tie = static_cast<float>((static_cast<double>(f) + next) / 2);
      for (float g : {tie, std::nextafter(tie, 1e30f), std::nextafter(tie, -1e30f)}) check(g);
    }
  }
  for (uint64_t bits = 0; bits < 1ull << 32; bits += 65521) check(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  SAME(wrong, 0);
}

TEST(halfRoundsToNearestEven) { compare(cuhost::floatToHalf, cuhost::halfToFloat, 0x7c00); }
TEST(bfloat16RoundsToNearestEven) { compare(cuhost::floatToBfloat16, cuhost::bfloat16ToFloat, 0x7f80); }

TEST(halfWidensExactly) {
  CHECK(cuhost::halfToFloat(0x3c00) == 1.0f);
  CHECK(cuhost::halfToFloat(0xc000) == -2.0f);
  CHECK(cuhost::halfToFloat(0x0001) == 0x1p-24f);
  CHECK(cuhost::halfToFloat(0x7bff) == 65504.0f);
  CHECK(cuhost::halfToFloat(0xfc00) == -INFINITY);
  CHECK(std::isnan(cuhost::halfToFloat(0x7e01)));
  CHECK(std::signbit(cuhost::halfToFloat(0x8000)));
}
