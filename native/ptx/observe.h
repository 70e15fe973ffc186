// observe.h: what a listener hears of a running kernel, at the places through which everything passes.
#pragma once
#include "warp.h"

namespace ptx {

// A warp runs an instruction with these lanes.
inline void observeIssue(const Warp&, const Instruction&, uint32_t) {}
// A warp's access to device memory, `bytes` a lane, and one to shared memory.
inline void observeGlobal(const Warp&, const Instruction&, Access, uint32_t, const uint64_t (&)[LANES], uint32_t) {}
inline void observeShared(const Warp&, const Instruction&, Access, uint32_t, const uint32_t (&)[LANES], uint32_t) {}
// The threads of a block have met at a barrier.
inline void observeBarrier(const Block&, uint32_t) {}

}  // namespace ptx
