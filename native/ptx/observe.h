// observe.h: what a listener hears of a running kernel, at the places through which everything passes.
#pragma once
#include "counters.h"

namespace ptx {

inline uint32_t numberOf(const Warp& w) { return w.first / LANES; }

// A warp runs an instruction with these lanes.
inline void observeIssue(const Warp& w, const Instruction& i, uint32_t) {
  Counters* counters = w.block->machine.counters;
  if (counters == nullptr) return;
  counters->instruction(numberOf(w), i.kind);
  bool branches = i.flow == Flow::BRANCH || i.flow == Flow::UNIFORM_BRANCH;
  if (i.kind == Class::BARRIER || (branches && &w.program->code[i.target] <= &i)) counters->loopBack(numberOf(w));
}
// A warp's access to device memory, `bytes` a lane, and one to shared memory.
inline void observeGlobal(
    const Warp& w, const Instruction&, Access access, uint32_t mask, const uint64_t (&address)[LANES], uint32_t bytes) {
  if (Counters* counters = w.block->machine.counters) counters->global(numberOf(w), access, mask, address, bytes);
}
inline void observeShared(
    const Warp& w, const Instruction&, Access, uint32_t mask, const uint32_t (&address)[LANES], uint32_t bytes) {
  if (Counters* counters = w.block->machine.counters) counters->shared(mask, address, bytes);
}
// A warp waits for its asynchronous copies but for the last `pending` groups.
inline void observeWait(const Warp& w, uint32_t pending) {
  if (Counters* counters = w.block->machine.counters) counters->waitCopies(numberOf(w), pending);
}
// A warp's tensor core makes so many floating-point operations.
inline void observeTensor(const Warp& w, TensorType type, uint32_t operations) {
  if (Counters* counters = w.block->machine.counters) counters->tensor(type, operations);
}
// The threads of a block have met at a barrier.
inline void observeBarrier(const Block&, uint32_t) {}

}  // namespace ptx
