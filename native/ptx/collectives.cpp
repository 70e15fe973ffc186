// collectives.cpp: what the lanes of a warp do together, barriers, branches.
#include "lanes.h"

namespace ptx {
namespace {

// The lane that each lane reads from; of a mode, its own and what `b` and `c` say.
enum class Shuffle { UP, DOWN, BUTTERFLY, INDEX };

template <Shuffle S>
void shuffle(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  const uint32_t *a = w.at<uint32_t>(o[2]), *b = w.at<uint32_t>(o[3]), *c = w.at<uint32_t>(o[4]);
  alignas(64) uint32_t result[LANES] = {};
  uint32_t inRange = 0;
  each(mask, [&](int l) {
    uint32_t lane = static_cast<uint32_t>(l), by = b[l] & 31, bound = c[l] & 31, segment = c[l] >> 8 & 31;
    uint32_t most = (lane & segment) | (bound & ~segment), least = lane & segment, from;
    bool ok;
    switch (S) {
      case Shuffle::UP: from = lane - by, ok = static_cast<int>(from) >= static_cast<int>(most); break;
      case Shuffle::DOWN: from = lane + by, ok = from <= most; break;
      case Shuffle::BUTTERFLY: from = lane ^ by, ok = from <= most; break;
      case Shuffle::INDEX: from = least | (by & ~segment), ok = from <= most; break;
    }
    if (!ok) from = lane;
    if ((mask >> from & 1) == 0) {
      w.block->fault(FaultKind::ILLEGAL_INSTRUCTION, w, l, i, "a shuffle reads lane " + std::to_string(from) + ", which does not take part");
    }
    result[l] = a[from];
    inRange |= static_cast<uint32_t>(ok) << l;
  });
  write(w.at<uint32_t>(o[0]), result, mask);
  if (o[1] != NONE) {
    uint32_t& p = w.predicate(o[1]);
    p = (p & ~mask) | inRange;
  }
}

uint32_t votes(Warp& w, const Instruction& i, uint32_t mask) { return w.predicate(w.operandsOf(i)[1]) & mask; }

void setPredicate(Warp& w, const Instruction& i, uint32_t mask, bool value) {
  uint32_t& p = w.predicate(w.operandsOf(i)[0]);
  p = value ? p | mask : p & ~mask;
}
void voteAll(Warp& w, const Instruction& i, uint32_t mask) { setPredicate(w, i, mask, votes(w, i, mask) == mask); }
void voteAny(Warp& w, const Instruction& i, uint32_t mask) { setPredicate(w, i, mask, votes(w, i, mask) != 0); }
void voteUniform(Warp& w, const Instruction& i, uint32_t mask) {
  uint32_t yes = votes(w, i, mask);
  setPredicate(w, i, mask, yes == 0 || yes == mask);
}

void fill(Warp& w, const Instruction& i, uint32_t mask, uint32_t value) {
  uint32_t* to = w.at<uint32_t>(w.operandsOf(i)[0]);
  each(mask, [&](int l) { to[l] = value; });
}
void ballot(Warp& w, const Instruction& i, uint32_t mask) { fill(w, i, mask, votes(w, i, mask)); }
void activeMask(Warp& w, const Instruction& i, uint32_t mask) { fill(w, i, mask, mask); }

template <class T, class F>
void reduce(Warp& w, const Instruction& i, uint32_t mask) {
  const T* a = w.at<T>(w.operandsOf(i)[1]);
  T sum = a[__builtin_ctz(mask)];
  each(mask & (mask - 1), [&](int l) { sum = F{}(sum, a[l]); });
  fill(w, i, mask, static_cast<uint32_t>(sum));
}
template <class T, class F>
void addReduction(Opcodes& t, const std::string& name, F) {
  Opcode& o = t.add("redux.sync." + name, "w:ww", Class::WARP, reduce<T, F>);
  o.meeting = Meeting::MEMBERS;
  o.since = 80;
}

void matchAny(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  const uint32_t* a = w.at<uint32_t>(o[1]);
  alignas(64) uint32_t same[LANES] = {};
  each(mask, [&](int l) { each(mask, [&](int other) { same[l] |= static_cast<uint32_t>(a[l] == a[other]) << other; }); });
  write(w.at<uint32_t>(o[0]), same, mask);
}

void warpBarrier(Warp& w, const Instruction&, uint32_t mask) {
  if (mask == w.live) w.block->synchronized(w);
}

void nothing(Warp&, const Instruction&, uint32_t) {}

}  // namespace

void addWarp(Opcodes& t) {
  auto collective = [&](const std::string& name, const std::string& form, Handler run) {
    t.add(name, form, Class::WARP, run).meeting = Meeting::MEMBERS;
  };
  collective("shfl.sync.up.b32", "s:wwww", shuffle<Shuffle::UP>);
  collective("shfl.sync.down.b32", "s:wwww", shuffle<Shuffle::DOWN>);
  collective("shfl.sync.bfly.b32", "s:wwww", shuffle<Shuffle::BUTTERFLY>);
  collective("shfl.sync.idx.b32", "s:wwww", shuffle<Shuffle::INDEX>);
  collective("vote.sync.all.pred", "p:pw", voteAll);
  collective("vote.sync.any.pred", "p:pw", voteAny);
  collective("vote.sync.uni.pred", "p:pw", voteUniform);
  collective("vote.sync.ballot.b32", "w:pw", ballot);
  collective("match.any.sync.b32", "w:ww", matchAny);
  collective("bar.warp.sync", ":w", warpBarrier);
  t.add("activemask.b32", "w:", Class::WARP, activeMask);
  addReduction<uint32_t>(t, "add.u32", [](uint32_t x, uint32_t y) { return x + y; });
  addReduction<uint32_t>(t, "add.s32", [](uint32_t x, uint32_t y) { return x + y; });
  addReduction<uint32_t>(t, "min.u32", [](uint32_t x, uint32_t y) { return x < y ? x : y; });
  addReduction<uint32_t>(t, "max.u32", [](uint32_t x, uint32_t y) { return x > y ? x : y; });
  addReduction<int32_t>(t, "min.s32", [](int32_t x, int32_t y) { return x < y ? x : y; });
  addReduction<int32_t>(t, "max.s32", [](int32_t x, int32_t y) { return x > y ? x : y; });
  addReduction<uint32_t>(t, "and.b32", [](uint32_t x, uint32_t y) { return x & y; });
  addReduction<uint32_t>(t, "or.b32", [](uint32_t x, uint32_t y) { return x | y; });
  addReduction<uint32_t>(t, "xor.b32", [](uint32_t x, uint32_t y) { return x ^ y; });
  for (const char* name : {"bar.sync", "barrier.sync", "barrier.sync.aligned", "bar.cta.sync", "barrier.cta.sync.aligned"}) {
    Opcode& o = t.add(name, ":w?w", Class::BARRIER, nullptr);
    o.flow = Flow::BARRIER;
    o.meeting = Meeting::WARP;
  }
  for (const char* name : {"bar.arrive", "barrier.arrive", "barrier.arrive.aligned"}) {
    Opcode& o = t.add(name, ":ww", Class::BARRIER, nullptr);
    o.flow = Flow::ARRIVE;
    o.meeting = Meeting::WARP;
  }
  t.add("bra", ":L", Class::CONTROL, nullptr).flow = Flow::BRANCH;
  t.add("bra.uni", ":L", Class::CONTROL, nullptr).flow = Flow::UNIFORM_BRANCH;
  t.add("ret", ":", Class::CONTROL, nullptr).flow = Flow::EXIT;
  t.add("ret.uni", ":", Class::CONTROL, nullptr).flow = Flow::EXIT;
  t.add("exit", ":", Class::CONTROL, nullptr).flow = Flow::EXIT;
  t.add("trap", ":", Class::CONTROL, nullptr).flow = Flow::TRAP;
  // Memory is coherent here.
  for (const char* name : {"membar.cta", "membar.gl", "membar.sys", "fence.sc.cta", "fence.sc.gpu", "fence.sc.sys", "fence.acq_rel.cta", "fence.acq_rel.gpu", "fence.acq_rel.sys"}) {
    t.add(name, ":", Class::CONTROL, nothing);
  }
  t.add("nanosleep.u32", ":w", Class::CONTROL, nothing);
}

}  // namespace ptx
