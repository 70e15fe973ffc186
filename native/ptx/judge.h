// judge.h: finds what a device lets pass: races between the threads of a block through shared memory and between blocks
// through device memory, reads of memory that was never written, asynchronous copies that nobody waits for.
//
// Of every two bytes it remembers who wrote and who read them last, and when. In shared memory "who" is a thread and "when"
// counts barriers; in device memory they are a block and the launch. Two accesses, one of them a write, race when no
// barrier (or the end of a launch) lies between them; accesses of one warp are in order after bar.warp.sync as well.
// Accesses of single bytes are not judged for races. A barrier of some of the warps orders all of them here.
#pragma once
#include <string>
#include "warp.h"

namespace ptx {

void judgeBlock(Block& block);
void judgeShared(Block& block, const Warp& warp, const Instruction& i, Access access, uint32_t mask, const uint32_t (&address)[LANES], uint32_t bytes);
// All lanes in one allocation.
void judgeGlobal(Block& block, const Warp& warp, const Instruction& i, Access access, uint32_t mask, const uint64_t (&address)[LANES], uint32_t bytes, const Range& range);
// Lane `lane` has waited for what it copied.
void judgeLanded(Block& block, const Warp& warp, int lane, uint32_t to, uint32_t bytes);
// The warp is over and has copies that it did not wait for.
void judgeLeft(Block& block, const Warp& warp);

// What the judge remembers of an allocation; all of it is not written yet.
Shadow newShadow(size_t bytes);
void freeShadow(const Shadow& shadow, size_t bytes);
// A copy or a fill wrote these bytes of the range; or, not `written`, what is there counts as never written.
void mark(const Range& range, uintptr_t begin, size_t bytes, bool written);
// The number of launch `serial` among the recent ones, from 1; and whether the judge must forget all earlier launches first.
uint32_t tagOf(uint64_t serial);
constexpr uint64_t TAGS = 4095;
void forgetLaunches(const Range& range);

// Findings, in the order of their discovery; each once for an instruction. False: there is none.
bool takeFinding(std::string& text);
// The module goes: its instructions' addresses may be others' soon.
void forget(const Module& module);

}  // namespace ptx
