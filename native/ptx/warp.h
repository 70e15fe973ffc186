// warp.h: the state of a block under way, and what its warps ask of it.
#pragma once
#include <string>
#include <vector>
#include "program.h"

namespace ptx {

// Device memory that kernels may touch, and what the judge remembers of it (null where it does not judge).
struct Shadow {
  uint32_t* written = nullptr;  // of each two bytes: who wrote them last
  uint32_t* read = nullptr;     // and who read them
};
struct Range {
  uintptr_t begin, end;
  Shadow shadow;
};

struct Launch {
  uint32_t grid[3], block[3], dynamicShared;
  const char* params;
  size_t paramBytes;
  std::vector<Range> memory;  // ascending
  uint32_t tag = 0;           // of this launch among the recent ones, for the judge of device memory; 0: it does not judge
  bool judging = false;
  bool shuffling = false;     // warps in random order, asynchronous copies land at random
  uint64_t seed = 0;
};

// What a launch ends with when a thread does what no device allows.
enum class FaultKind { MISALIGNED, ILLEGAL_ADDRESS, ILLEGAL_INSTRUCTION, FAILED };
struct Fault {
  FaultKind kind;
  std::string why;
};

// Lanes at one place of the program. Those of a warp that branched apart are several paths, until they meet again.
struct Path {
  uint32_t mask, pc;
  bool waiting;  // for other lanes
};

// Asynchronous copies of one instruction that were not waited for.
struct Copies {
  uint32_t mask;
  uint32_t bytes;  // written
  uint32_t instruction;
  uint32_t landed;  // a mask
  uint32_t group[LANES], to[LANES], read[LANES];
  uint64_t from[LANES];
};

struct Block;

struct Warp {
  uint8_t* bases[2];  // registers, constants
  Block* block;
  const Program* program;
  uint32_t first = 0;  // the number of its lane 0 among the threads of the block
  uint32_t live = 0;
  uint32_t barrier = NONE;  // where it waits
  uint32_t barrierPc = 0;
  uint32_t since = 0;       // the judge's time of its last bar.warp.sync
  std::vector<Path> paths;
  std::vector<Copies> copies;
  uint32_t group[LANES] = {};  // of copies, that is open now

  template <class T>
  T* at(uint32_t operand) const {
    return reinterpret_cast<T*>(bases[operand >> 31] + (operand & ~UNIFORM));
  }
  uint32_t& predicate(uint32_t operand) const { return *at<uint32_t>(operand); }
  const uint32_t* operandsOf(const Instruction& i) const { return program->operands.data() + i.operands; }
};

struct Barrier {
  uint32_t arrived = 0, expected = 0;
};

class Counters;

// What one worker thread keeps between blocks.
struct Machine {
  std::vector<uint8_t> registers, shared;
  std::vector<Warp> warps;
  std::vector<uint32_t> sharedWritten, sharedRead;  // of each two bytes, as Shadow
  Counters* counters = nullptr;                     // where the launch is counted
};

enum class Access : uint8_t { LOAD, STORE, ATOMIC, COPY };

// Generic addresses of shared memory begin here.
constexpr uint64_t SHARED_WINDOW = 0x7f00'0000'0000'0000;

struct Block {
  const Program& program;
  const Launch& launch;
  Machine& machine;
  uint64_t number;
  uint32_t id[3];
  uint32_t threads;
  uint32_t sharedBytes;
  uint64_t random;
  size_t lastRange = 0;
  uint32_t now = 1;    // the judge's time: counts barriers
  uint32_t since = 1;  // the time of the last barrier of all threads
  Barrier barriers[16] = {};

  uint8_t* shared() const { return machine.shared.data(); }
  uint64_t next() {  // splitmix64
    random += 0x9e3779b97f4a7c15ull;
    uint64_t x = (random ^ random >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
  }

  // Every access of a warp to device memory and to shared memory goes through these two: alignment, bounds, the judge.
  // `bytes` a lane, a power of two, or for copies what each lane reads.
  void global(const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint64_t (&address)[LANES], uint32_t bytes);
  void sharedMemory(const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint32_t (&address)[LANES], uint32_t bytes);
  void copiesIssued(Warp& w, const Instruction& i, uint32_t mask, const uint32_t (&to)[LANES], const uint64_t (&from)[LANES], uint32_t bytes, const uint32_t (&read)[LANES]);
  void copiesWaited(Warp& w, uint32_t mask, uint32_t pending);

  // All threads met at a barrier, the lanes of a warp at bar.warp.sync.
  void synchronized();
  void synchronized(Warp& w);
  // A warp is over.
  void left(Warp& w);

  [[noreturn]] void fault(FaultKind kind, const Warp& w, int lane, const Instruction& i, const std::string& what) const;
  // "kernel k, line 12 (text), kernels/a.cu:3, block 0,0,0 thread 5"
  std::string where(const Instruction& i) const;
  std::string who(const Warp& w, int lane) const;
};

// Runs blocks [first, last), x fastest; throws Fault.
void execute(Machine& machine, const Program& program, const Launch& launch, uint64_t first, uint64_t last);

// Calls f(lane) for each set bit.
template <class F>
void each(uint32_t mask, F f) {
  for (; mask != 0; mask &= mask - 1) f(__builtin_ctz(mask));
}

}  // namespace ptx
