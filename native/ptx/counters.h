// counters.h: what a launch asks of the memory system and of the multiprocessors, counted from warp-level events.
//
// Sources: CUDA C++ Programming Guide, "Device Memory Accesses" and "Shared Memory" (32-byte sectors, 32 banks of 4
// bytes), and the PTX ISA for ldmatrix and cp.async. Nothing here depends on the interpreter: it calls, we count.
//
//   global memory   bytes that threads ask for; sectors of 32 bytes that a warp's access touches; sectors that pass the
//                   L1, which only plain loads may hit; sectors that L2 exchanges with the device's memory
//   shared memory   wavefronts: passes of 32 banks by 4 bytes; those of an access beyond what it needs are conflicts
//   instructions    of warps, by class. PTX, not machine code: moves, parameters and address spaces cost nothing there
//
// Caches are sectored and fully associative: lines of 128 bytes in four sectors, the line used longest ago is
// evicted. L1 is the block's own and empty at its start, L2 empty at the launch's; what L2 holds modified at the end is
// counted as written.
#pragma once
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>
#include "warp.h"

namespace ptx {

enum class TensorType { F16, BF16, TF32 };

// The fields are those of LaunchCounts.java, in this order. Of sampled launches they are scaled to the whole grid.
struct Counts {
  double requestedLoadBytes = 0, requestedStoreBytes = 0;
  double loadSectors = 0, storeSectors = 0;            // of all warp-level accesses
  double l2LoadSectors = 0, l2StoreSectors = 0;        // past the L1
  double deviceLoadSectors = 0, deviceStoreSectors = 0;  // past the L2
  double globalWavefronts = 0;                         // 128 bytes each, of the same path as shared memory's
  double sharedWavefronts = 0, sharedConflicts = 0;    // conflicts are part of the wavefronts
  double integer = 0, fp32 = 0, fp64 = 0, half = 0, special = 0, conversion = 0;
  double memory = 0, branch = 0, barrier = 0, tensor = 0, move = 0;  // memory: shuffles, too
  double tensorF16 = 0, tensorBf16 = 0, tensorTf32 = 0;  // floating-point operations
  double blocks = 0;
  double pathInstructions = 0;  // of each block's longest warp, summed
  double pathRoundTrips = 0;    // to global memory that such a warp waits for, one after the other, summed
};

// Lines of 128 bytes, the one used longest ago is evicted.
class Cache {
 public:
  struct Line {
    uint64_t tag;
    uint32_t before, after;  // in the order of use
    uint8_t valid, dirty;    // a bit a sector
  };
  explicit Cache(uint64_t bytes);
  void clear();
  // The sectors of the line that were not there; they are now. `written` become dirty.
  uint8_t touch(uint64_t line, uint8_t sectors, bool written);
  // Called with (line, dirty sectors) of an evicted one.
  template <class F>
  void evict(F f) {
    while (index.size() > lines) {
      uint32_t at = order[0].before;
      if (order[at].dirty != 0) f(order[at].tag, order[at].dirty);
      remove(at);
    }
  }
  template <class F>
  void flush(F f) {
    for (uint32_t at = order[0].after; at != 0; at = order[at].after) {
      if (order[at].dirty != 0) f(order[at].tag, order[at].dirty);
    }
    clear();
  }

 private:
  void unlink(uint32_t at);
  void linkFirst(uint32_t at);
  void remove(uint32_t at);

  uint64_t lines;
  std::unordered_map<uint64_t, uint32_t> index;
  std::vector<Line> order;  // [0] is the ring's anchor
  std::vector<uint32_t> unused;
};

// A block that is run, and how much of the grid it stands for.
struct SampledBlock {
  uint64_t index;  // x fastest
  uint32_t run;    // neighbours along the sampled dimension, run one after the other
  double weight;
  double misses;   // the same for exchanges with the device's memory; 0: it only warms the cache up
};

struct Sample {
  std::vector<SampledBlock> blocks;  // in the grid's order
  double share;                      // of the grid
};

// At most about `most` blocks: runs of neighbours along the grid's longest dimension, complete in the others. The first
// and the last of that dimension stand for themselves, those between for all between. A run starts with a
// neighbour that warms the caches. 0: the whole grid.
Sample sample(const uint32_t grid[3], uint64_t most, uint64_t seed);

class Counters {
 public:
  Counters(uint64_t l2Bytes, uint64_t l1Bytes, const Sample& sample, uint32_t warpsPerBlock);

  void beginBlock(const SampledBlock& block);
  void endBlock();

  // Warp-level events. Lanes of `mask` take part; each accesses `bytes` from its address on. Asynchronous copies pass the
  // L1.
  void global(uint32_t warp, Access access, uint32_t mask, const uint64_t* addresses, uint32_t bytes);
  void shared(uint32_t mask, const uint32_t* addresses, uint32_t bytes);
  void instruction(uint32_t warp, Class kind);
  void tensor(TensorType type, uint32_t operations);
  void loopBack(uint32_t warp);                      // a branch backwards is taken, or a barrier reached
  void waitCopies(uint32_t warp, uint32_t pending);  // cp.async.wait_group: so many groups may go on

  Counts finish();

 private:
  struct Path {
    uint64_t instructions = 0;
    double roundTrips = 0;
    bool loading = false;  // loads were issued since the last branch backwards or barrier
    bool copying = false;
  };
  struct Flow {  // sectors of a line, from or to the device's memory
    uint8_t seen = 0;
    double first = 0, scaledFirst = 0, scaledAgain = 0;
    void add(uint8_t sectors, double scale);
    // What one run alone touched stands for blocks that were not run; what several touched exists once.
    double of(bool severalRuns) const { return (severalRuns ? first : scaledFirst) + scaledAgain; }
  };
  struct Exchanged {
    uint32_t run;
    bool severalRuns = false;
    double writer = 0;  // scale of the block that wrote it last
    Flow loads, stores;
  };
  void lineAccess(uint64_t line, uint8_t sectors, Access access);
  void writeBack(uint64_t line, uint8_t dirty);
  uint32_t wavefronts(uint32_t mask, const uint32_t* addresses, uint32_t bytes, uint32_t first, uint32_t lanes);

  Cache l2, l1;
  SampledBlock block{};
  Counts current, total;
  std::vector<Path> paths;
  std::unordered_map<uint64_t, Exchanged> lines;
};

}  // namespace ptx
