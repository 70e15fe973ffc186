// counting.h: launches that are counted instead of computed; device/LaunchCounting.java reads them.
#pragma once
#include "counters.h"

// A launch, and its counts scaled to the whole grid.
struct CuptxLaunch {
  char kernel[96];
  uint32_t grid[3], block[3];
  uint32_t sharedBytes;  // dynamic
  uint32_t blocksRun;
  ptx::Counts counts;
};

#pragma GCC visibility push(default)
extern "C" {
// From now on a launch runs about so many of its blocks, 0 all, and is counted: what it writes is not complete. Forgets what
// was counted before. False where launches are counted already.
int cuptxCountLaunches(uint64_t blocks, uint64_t seed, uint64_t l2Bytes, uint64_t l1Bytes);
void cuptxStopCounting(void);
// How many launches were counted and are over; copies the one of this number, from 0, where there is one.
uint64_t cuptxCountedLaunch(uint64_t number, struct CuptxLaunch* launch);
}
#pragma GCC visibility pop

namespace ptx {

bool counting();
// Runs and counts a sample of the launch's blocks; throws Fault.
void count(Machine& machine, const Program& program, const Launch& launch);

}  // namespace ptx
