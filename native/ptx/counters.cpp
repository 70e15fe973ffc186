#include "counters.h"
#include <algorithm>
#include <bit>

namespace ptx {
namespace {

constexpr uint64_t LINE = 128, SECTOR = 32;
constexpr uint32_t BANKS = 32, BANK_BYTES = 4;
constexpr uint64_t RUN = 4;  // blocks along the sampled dimension, and one to warm up

uint64_t mix(uint64_t x) {  // splitmix64, Steele, Lea and Flood, 2014
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

}  // namespace

// ---- cache ----------------------------------------------------------------------------------------------------------

Cache::Cache(uint64_t bytes) : lines(std::max<uint64_t>(1, bytes / LINE)), order(1) { clear(); }

void Cache::clear() {
  index.clear();
  unused.clear();
  order.assign(1, Line{0, 0, 0, 0, 0});
}

void Cache::unlink(uint32_t at) {
  order[order[at].before].after = order[at].after;
  order[order[at].after].before = order[at].before;
}

void Cache::linkFirst(uint32_t at) {
  order[at].before = 0;
  order[at].after = order[0].after;
  order[order[0].after].before = at;
  order[0].after = at;
}

void Cache::remove(uint32_t at) {
  unlink(at);
  index.erase(order[at].tag);
  unused.push_back(at);
}

uint8_t Cache::touch(uint64_t line, uint8_t sectors, bool written) {
  auto [found, added] = index.try_emplace(line, 0);
  if (added) {
    if (unused.empty()) {
      unused.push_back(uint32_t(order.size()));
      order.emplace_back();
    }
    found->second = unused.back();
    unused.pop_back();
    order[found->second] = {line, 0, 0, 0, 0};
  } else {
    unlink(found->second);
  }
  Line& l = order[found->second];
  uint8_t missing = sectors & ~l.valid;
  l.valid |= sectors;
  if (written) l.dirty |= sectors;
  linkFirst(found->second);
  return missing;
}

// ---- sample ---------------------------------------------------------------------------------------------------------

Sample sample(const uint32_t grid[3], uint64_t most, uint64_t seed) {
  int along = int(std::max_element(grid, grid + 3) - grid);
  uint64_t length = grid[along], all = uint64_t(grid[0]) * grid[1] * grid[2], others = all / length;
  struct Slice {
    uint32_t run;
    double weight, misses;
  };
  std::vector<Slice> slices(length, Slice{0, 0, 0});
  uint64_t runs = std::max<uint64_t>(2, most / others / (RUN + 1));
  if (most == 0 || runs * (RUN + 1) + RUN >= length) {
    std::fill(slices.begin(), slices.end(), Slice{0, 1, 1});
  } else {
    // Runs start at 0, at a random place in each stratum between, and so that the last block ends one.
    uint64_t inner = 0, counted = 0;
    for (uint64_t r = 0; r < runs; r++) {
      uint64_t stratum = length / runs, room = stratum - RUN;
      uint64_t first = r == 0 ? 0 : r + 1 == runs ? length - RUN - 1 : r * stratum + mix(seed + r) % room;
      for (uint64_t i = 0; i <= RUN; i++) {
        bool warms = i == 0 && r > 0;
        slices[first + i] = {uint32_t(r), 1, warms ? 0.0 : 1.0};
        bool edge = first + i == 0 || first + i + 1 == length;
        inner += !edge;
        counted += !edge && !warms;
      }
    }
    for (uint64_t i = 1; i + 1 < length; i++) {
      slices[i].weight *= double(length - 2) / double(inner);
      slices[i].misses *= double(length - 2) / double(counted);
    }
  }
  Sample result{{}, 0};
  uint64_t stride = along == 0 ? 1 : along == 1 ? grid[0] : uint64_t(grid[0]) * grid[1];
  for (uint64_t i = 0; i < all; i++) {
    const Slice& s = slices[i / stride % length];
    if (s.weight > 0) result.blocks.push_back({i, s.run, s.weight, s.misses});
  }
  result.share = double(result.blocks.size()) / double(all);
  return result;
}

// ---- counters -------------------------------------------------------------------------------------------------------

// A sample meets a cache as much smaller: what lies between two uses of a line shrinks alike.
Counters::Counters(uint64_t l2Bytes, uint64_t l1Bytes, const Sample& sample, uint32_t warpsPerBlock)
    : l2(uint64_t(double(l2Bytes) * sample.share)), l1(l1Bytes), paths(warpsPerBlock) {}

void Counters::beginBlock(const SampledBlock& sampled) {
  block = sampled;
  current = {};
  l1.clear();
  std::fill(paths.begin(), paths.end(), Path{});
}

void Counters::endBlock() {
  current.blocks = 1;
  for (const Path& p : paths) {
    current.pathInstructions = std::max(current.pathInstructions, double(p.instructions));
    current.pathRoundTrips = std::max(current.pathRoundTrips, p.roundTrips);
  }
  auto* from = reinterpret_cast<const double*>(&current);
  auto* to = reinterpret_cast<double*>(&total);
  for (size_t i = 0; i < sizeof(Counts) / sizeof(double); i++) to[i] += block.weight * from[i];
}

void Counters::global(uint32_t warp, Access access, uint32_t mask, const uint64_t* addresses, uint32_t bytes) {
  if (mask == 0) return;
  struct Touched {
    uint64_t line;
    uint8_t sectors;
  };
  std::array<Touched, 2 * LANES> touched;
  uint32_t count = 0, sectors = 0;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    uint64_t address = addresses[std::countr_zero(rest)];
    for (uint64_t s = address / SECTOR; s <= (address + bytes - 1) / SECTOR; s++) {
      uint64_t line = s * SECTOR / LINE;
      uint32_t i = count;
      while (i > 0 && touched[i - 1].line != line) i--;
      if (i == 0) touched[count++] = {line, 0}, i = count;
      touched[i - 1].sectors |= uint8_t(1u << s % (LINE / SECTOR));
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    sectors += uint32_t(std::popcount(touched[i].sectors));
    lineAccess(touched[i].line, touched[i].sectors, access);
  }
  double asked = double(std::popcount(mask)) * bytes;
  if (access != Access::STORE) current.requestedLoadBytes += asked, current.loadSectors += sectors;
  if (access == Access::STORE || access == Access::ATOMIC) current.requestedStoreBytes += asked, current.storeSectors += sectors;
  current.globalWavefronts += (sectors + 3) / 4;
  Path& path = paths[warp];
  if (access == Access::COPY) {
    path.copying = true;
  } else if (access != Access::STORE && !path.loading) {
    path.loading = true;
    path.roundTrips += 1;
  }
}

void Counters::lineAccess(uint64_t line, uint8_t sectors, Access access) {
  bool writes = access == Access::STORE || access == Access::ATOMIC;
  if (access == Access::LOAD) {
    sectors = l1.touch(line, sectors, false);
    l1.evict([](uint64_t, uint8_t) {});
    if (sectors == 0) return;
  }
  int number = std::popcount(sectors);
  if (access != Access::STORE) current.l2LoadSectors += number;
  if (writes) current.l2StoreSectors += number;
  uint8_t missing = l2.touch(line, sectors, writes);
  Exchanged& e = lines.try_emplace(line, Exchanged{block.run, false, 0, {}, {}}).first->second;
  e.severalRuns |= e.run != block.run;
  if (writes) e.writer = block.misses;
  if (access != Access::STORE) e.loads.add(missing, block.misses);
  l2.evict([this](uint64_t evicted, uint8_t dirty) { writeBack(evicted, dirty); });
}

void Counters::writeBack(uint64_t line, uint8_t dirty) {
  Exchanged& e = lines.at(line);
  e.stores.add(dirty, e.writer);
}

void Counters::Flow::add(uint8_t sectors, double scale) {
  int fresh = std::popcount(uint8_t(sectors & ~seen));
  first += fresh;
  scaledFirst += scale * fresh;
  scaledAgain += scale * std::popcount(uint8_t(sectors & seen));
  seen |= sectors;
}

uint32_t Counters::wavefronts(
    uint32_t mask, const uint32_t* addresses, uint32_t bytes, uint32_t first, uint32_t lanes) {
  std::array<uint32_t, LANES> words;  // that were seen; at most as many lanes as banks allow take part
  std::array<uint8_t, BANKS> load{};
  uint32_t count = 0, most = 0;
  for (uint32_t l = first; l < first + lanes; l++) {
    if (!(mask >> l & 1)) continue;
    for (uint32_t word = addresses[l] / BANK_BYTES; word <= (addresses[l] + bytes - 1) / BANK_BYTES; word++) {
      if (std::find(words.begin(), words.begin() + count, word) != words.begin() + count) continue;
      words[count++] = word;
      most = std::max<uint32_t>(most, ++load[word % BANKS]);
    }
  }
  return most;
}

// A warp's access of 4 bytes a lane is one wavefront at best, of 8 bytes one a half warp, of 16 one a quarter: the eight
// rows of a matrix that ldmatrix reads, too.
void Counters::shared(uint32_t mask, const uint32_t* addresses, uint32_t bytes) {
  uint32_t lanes = std::min<uint32_t>(LANES, LANES * BANK_BYTES / bytes);
  for (uint32_t first = 0; first < uint32_t{LANES}; first += lanes) {
    uint32_t needed = wavefronts(mask, addresses, bytes, first, lanes);
    current.sharedWavefronts += needed;
    if (needed > 1) current.sharedConflicts += needed - 1;
  }
}

void Counters::instruction(uint32_t warp, Class kind) {
  double* count = nullptr;
  switch (kind) {
    case Class::MOVE: current.move++; return;
    case Class::INTEGER: count = &current.integer; break;
    case Class::FLOAT: count = &current.fp32; break;
    case Class::DOUBLE: count = &current.fp64; break;
    case Class::HALF: count = &current.half; break;
    case Class::SPECIAL: count = &current.special; break;
    case Class::CONVERT: count = &current.conversion; break;
    case Class::CONTROL: count = &current.branch; break;
    case Class::GLOBAL: case Class::SHARED: case Class::WARP: count = &current.memory; break;
    case Class::MATRIX: count = &current.tensor; break;
    case Class::BARRIER: count = &current.barrier; break;
  }
  ++*count;
  paths[warp].instructions++;
}

void Counters::tensor(TensorType type, uint32_t operations) { (&current.tensorF16)[int(type)] += operations; }

void Counters::loopBack(uint32_t warp) { paths[warp].loading = false; }

// With `pending` groups behind it, a copy had so many steps more to arrive.
void Counters::waitCopies(uint32_t warp, uint32_t pending) {
  Path& path = paths[warp];
  if (path.copying) path.roundTrips += 1.0 / (1 + pending);
  path.copying = false;
}

Counts Counters::finish() {
  l2.flush([this](uint64_t line, uint8_t dirty) { writeBack(line, dirty); });
  for (const auto& [line, e] : lines) {
    total.deviceLoadSectors += e.loads.of(e.severalRuns);
    total.deviceStoreSectors += e.stores.of(e.severalRuns);
  }
  return total;
}

}  // namespace ptx
