#include "counting.h"
#include <algorithm>
#include <cstring>
#include <mutex>

namespace ptx {
namespace {

struct Settings {
  bool on;
  uint64_t blocks, seed, l2Bytes, l1Bytes;
};

std::mutex& mutex = *new std::mutex;  // of what follows
Settings settings{};
std::vector<CuptxLaunch>& counted = *new std::vector<CuptxLaunch>;

Settings now() {
  std::lock_guard lock(mutex);
  return settings;
}

// What a block has of the multiprocessor's L1 where others of its kind fill all threads: shared memory is taken from it.
uint64_t shareOfL1(uint64_t bytes, uint64_t threads, uint64_t shared) {
  constexpr uint64_t THREADS = 2048, LEAST = 4 << 10;
  uint64_t share = bytes * threads / THREADS;
  return share > shared + LEAST ? share - shared : LEAST;
}

}  // namespace

bool counting() { return now().on; }

void count(Machine& machine, const Program& program, const Launch& launch) {
  const Settings s = now();
  const uint64_t threads = uint64_t{launch.block[0]} * launch.block[1] * launch.block[2];
  const uint64_t l1 = shareOfL1(s.l1Bytes, threads, program.staticShared + launch.dynamicShared);
  const Sample chosen = sample(launch.grid, s.blocks, s.seed);
  Counters counters(s.l2Bytes, l1, chosen, static_cast<uint32_t>((threads + LANES - 1) / LANES));
  machine.counters = &counters;
  try {
    for (const SampledBlock& block : chosen.blocks) {
      counters.beginBlock(block);
      execute(machine, program, launch, block.index, block.index + 1);
      counters.endBlock();
    }
  } catch (...) {
    machine.counters = nullptr;
    throw;
  }
  machine.counters = nullptr;
  CuptxLaunch l{};
  program.name.copy(l.kernel, sizeof l.kernel - 1);
  std::copy_n(launch.grid, 3, l.grid);
  std::copy_n(launch.block, 3, l.block);
  l.sharedBytes = launch.dynamicShared;
  l.blocksRun = static_cast<uint32_t>(chosen.blocks.size());
  l.counts = counters.finish();
  std::lock_guard lock(mutex);
  counted.push_back(l);
}

}  // namespace ptx

int cuptxCountLaunches(uint64_t blocks, uint64_t seed, uint64_t l2Bytes, uint64_t l1Bytes) {
  std::lock_guard lock(ptx::mutex);
  if (ptx::settings.on) return 0;
  ptx::settings = {true, blocks, seed, l2Bytes, l1Bytes};
  ptx::counted.clear();
  return 1;
}

void cuptxStopCounting() {
  std::lock_guard lock(ptx::mutex);
  ptx::settings.on = false;
}

uint64_t cuptxCountedLaunch(uint64_t number, CuptxLaunch* launch) {
  std::lock_guard lock(ptx::mutex);
  if (number < ptx::counted.size()) *launch = ptx::counted[number];
  return ptx::counted.size();
}
