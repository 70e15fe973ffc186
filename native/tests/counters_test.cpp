// The counters against access patterns whose counts the CUDA C++ Programming Guide gives or that follow from it.
#include "../ptx/counters.h"
#include <array>
#include "check.h"

using namespace ptx;

namespace {

constexpr uint32_t ALL = ~0u;
constexpr uint64_t L2 = 1 << 20, L1 = 16 << 10, BASE = 1 << 24;
const uint32_t ONE[3] = {1, 1, 1};

std::array<uint64_t, LANES> strided(uint64_t first, uint64_t stride) {
  std::array<uint64_t, LANES> addresses;
  for (uint32_t l = 0; l < uint32_t{LANES}; l++) addresses[l] = first + l * stride;
  return addresses;
}

// One block of one warp.
template <class F>
Counts counted(F events, uint64_t l2 = L2) {
  Sample whole = sample(ONE, 0, 1);
  Counters counters(l2, L1, whole, 1);
  counters.beginBlock(whole.blocks[0]);
  events(counters);
  counters.endBlock();
  return counters.finish();
}

Counts load(uint64_t first, uint64_t stride, uint32_t bytes, uint32_t mask = ALL, Access access = Access::LOAD) {
  return counted([&](Counters& c) { c.global(0, access, mask, strided(first, stride).data(), bytes); });
}

Counts shared(uint32_t stride, uint32_t bytes, uint32_t mask = ALL) {
  return counted([&](Counters& c) {
    std::array<uint32_t, LANES> addresses;
    for (uint32_t l = 0; l < uint32_t{LANES}; l++) addresses[l] = l * stride;
    c.shared(mask, addresses.data(), bytes);
  });
}

}  // namespace

TEST(globalAccessesTouchSectors) {
  SAME(load(BASE, 4, 4).loadSectors, 4);        // 128 bytes in a row
  SAME(load(BASE + 4, 4, 4).loadSectors, 5);    // misaligned
  SAME(load(BASE, 16, 16).loadSectors, 16);     // 512 bytes
  SAME(load(BASE, 32, 4).loadSectors, 32);      // a sector each
  SAME(load(BASE, 0, 4).loadSectors, 1);        // all the same word
  SAME(load(BASE, 2, 2).loadSectors, 2);
  SAME(load(BASE, 4, 4, 0xff).loadSectors, 1);  // eight lanes
  SAME(load(BASE, 4, 4).requestedLoadBytes, 128);
  SAME(load(BASE, 4, 4).globalWavefronts, 1);
  SAME(load(BASE, 32, 4).globalWavefronts, 8);
  Counts store = load(BASE, 4, 4, ALL, Access::STORE);
  SAME(store.storeSectors, 4);
  SAME(store.loadSectors, 0);
  SAME(store.deviceStoreSectors, 4);
  SAME(store.deviceLoadSectors, 0);
  SAME(store.requestedStoreBytes, 128);
}

TEST(onlyPlainLoadsHitTheFirstCache) {
  auto twice = [](Access access) {
    return counted([=](Counters& c) {
      for (int i = 0; i < 2; i++) c.global(0, access, ALL, strided(BASE, 4).data(), 4);
    });
  };
  SAME(twice(Access::LOAD).loadSectors, 8);
  SAME(twice(Access::LOAD).l2LoadSectors, 4);
  SAME(twice(Access::COPY).l2LoadSectors, 8);
  SAME(twice(Access::COPY).deviceLoadSectors, 4);
  SAME(twice(Access::STORE).l2StoreSectors, 8);
  SAME(twice(Access::STORE).deviceStoreSectors, 4);  // written back once
}

TEST(linesUsedLongestAgoAreEvicted) {
  auto sweeps = [](uint64_t lines) {  // twice through so many lines, of a cache of eight
    return counted(
        [=](Counters& c) {
          for (uint64_t i = 0; i < 2 * lines; i++) {
            c.global(0, Access::COPY, ALL, strided(BASE + i % lines * 128, 4).data(), 4);
            c.global(0, Access::STORE, 1, strided(BASE + i % lines * 128, 4).data(), 4);
          }
        },
        8 * 128);
  };
  SAME(sweeps(8).deviceLoadSectors, 8 * 4);
  SAME(sweeps(8).deviceStoreSectors, 8);
  SAME(sweeps(9).deviceLoadSectors, 2 * 9 * 4);
  SAME(sweeps(9).deviceStoreSectors, 2 * 9);
}

TEST(banksServeOneWordAWavefront) {
  SAME(shared(4, 4).sharedWavefronts, 1);
  SAME(shared(4, 4).sharedConflicts, 0);
  SAME(shared(8, 4).sharedWavefronts, 2);    // a stride of two words: two-way
  SAME(shared(12, 4).sharedWavefronts, 1);   // three words: none
  SAME(shared(128, 4).sharedConflicts, 31);  // one bank
  SAME(shared(0, 4).sharedWavefronts, 1);    // broadcast
  SAME(shared(2, 2).sharedWavefronts, 1);    // two lanes a word
  SAME(shared(8, 8).sharedWavefronts, 2);    // by half warps
  SAME(shared(8, 8).sharedConflicts, 0);
  SAME(shared(16, 16).sharedWavefronts, 4);  // by quarter warps
  SAME(shared(16, 16).sharedConflicts, 0);
  SAME(shared(32, 16).sharedWavefronts, 8);  // every other 16 bytes: two-way
  SAME(shared(32, 16).sharedConflicts, 4);
  SAME(shared(128, 16).sharedWavefronts, 32);
  SAME(shared(4, 4, 0xf).sharedWavefronts, 1);
  SAME(shared(4, 4, 0).sharedWavefronts, 0);
}

TEST(matricesAreReadByEightRows) {
  auto rows = [](uint32_t pitch, uint32_t swizzle, uint32_t matrices) {
    return counted([=](Counters& c) {
      std::array<uint32_t, LANES> addresses{};
      for (uint32_t l = 0; l < uint32_t{LANES}; l++) addresses[l] = l * pitch + (swizzle ? (l / 2 % 4) * 16 : 0);
      c.shared(matrices == 4 ? ALL : (1u << 8 * matrices) - 1, addresses.data(), 16);
    });
  };
  SAME(rows(64, false, 4).sharedWavefronts, 16);  // 64-byte rows as they are: four-way
  SAME(rows(64, false, 4).sharedConflicts, 12);
  SAME(rows(64, true, 4).sharedWavefronts, 4);    // pipeline.cuh's exclusive or
  SAME(rows(64, true, 4).sharedConflicts, 0);
  SAME(rows(80, false, 4).sharedConflicts, 0);    // padded by 16 bytes
  SAME(rows(64, true, 2).sharedWavefronts, 2);
  SAME(rows(64, true, 1).sharedWavefronts, 1);
}

TEST(instructionsAndRoundTripsAreCounted) {
  Counts c = counted([](Counters& c) {
    auto at = strided(BASE, 4);
    c.instruction(0, Class::FLOAT);
    c.instruction(0, Class::MATRIX);
    c.instruction(0, Class::MOVE);
    c.tensor(TensorType::BF16, 16 * 8 * 16 * 2);
    c.global(0, Access::LOAD, ALL, at.data(), 4);
    c.global(0, Access::LOAD, ALL, at.data(), 4);  // under way together
    c.loopBack(0);
    c.global(0, Access::LOAD, ALL, at.data(), 4);
    c.waitCopies(0, 0);  // nothing was copied
    c.global(0, Access::COPY, ALL, at.data(), 4);
    c.waitCopies(0, 1);
  });
  SAME(c.fp32, 1);
  SAME(c.tensor, 1);
  SAME(c.move, 1);
  SAME(c.tensorBf16, 4096);
  SAME(c.pathInstructions, 2);
  SAME(2 * c.pathRoundTrips, 5);
}

// Every block reads 1 KiB of its own and, but for the first, the same 512 bytes, and writes 128 bytes.
TEST(samplesStandForTheGrid) {
  for (uint32_t blocks : {7u, 100u, 5000u}) {
    uint32_t grid[3] = {blocks, 2, 1};
    Sample some = sample(grid, 60, 20161);
    CHECK(blocks < 50 ? some.share == 1 : some.blocks.size() <= 100);
    SAME(some.blocks.front().index, 0);
    SAME(some.blocks.back().index, 2 * blocks - 1);
    Counters counters(1 << 30, L1, some, 1);
    double weights = 0;
    for (const SampledBlock& b : some.blocks) {
      weights += b.weight;
      counters.beginBlock(b);
      uint64_t own = BASE + b.index * 1024;
      for (int i = 0; i < 8; i++) counters.global(0, Access::COPY, ALL, strided(own + i * 128, 4).data(), 4);
      for (int i = 0; i < 4 && b.index > 0; i++) {
        counters.global(0, Access::COPY, ALL, strided(i * 128, 4).data(), 4);
      }
      counters.global(0, Access::STORE, ALL, strided((1ull << 32) + b.index * 128, 4).data(), 4);
      counters.endBlock();
    }
    Counts c = counters.finish();
    SAME(weights + 0.5, 2 * blocks);
    SAME(c.blocks + 0.5, 2 * blocks);
    SAME(c.loadSectors + 0.5, 2 * blocks * 48 - 16);
    SAME(c.deviceLoadSectors + 0.5, 2 * blocks * 32 + 16);
    SAME(c.deviceStoreSectors + 0.5, 2 * blocks * 4);
  }
}

// The sampled dimension is the longest; neighbours share half of what they read.
TEST(neighboursShareWhatTheyReadTogether) {
  uint32_t grid[3] = {2, 4000, 1};
  Sample some = sample(grid, 100, 1);
  Counters counters(1 << 30, L1, some, 1);
  for (const SampledBlock& b : some.blocks) {
    counters.beginBlock(b);
    uint64_t row = b.index / 2;
    for (int i = 0; i < 2; i++) counters.global(0, Access::COPY, ALL, strided(BASE + (row + i) * 128, 4).data(), 4);
    counters.endBlock();
  }
  Counts c = counters.finish();
  SAME(c.loadSectors + 0.5, 8000 * 8);
  CHECK(c.deviceLoadSectors >= 4000 * 4 && c.deviceLoadSectors <= 4000 * 4.05);
}
