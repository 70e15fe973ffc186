// execute.cpp: warps of a block in turn. A warp runs its lanes in lock step; lanes that branch apart are paths, of which the
// one that is furthest behind runs, and which join where they meet.
#include <algorithm>
#include <cstring>
#include "judge.h"
#include "observe.h"

namespace ptx {
namespace {

uint32_t lanesOf(uint32_t count) { return count >= LANES ? ~0u : (1u << count) - 1; }

void release(Block& b, uint32_t id) {
  for (Warp& w : b.machine.warps) {
    if (w.barrier == id) w.barrier = NONE;
  }
  b.barriers[id] = {};
  observeBarrier(b, id);
  b.synchronized();
}

// bar.sync a{, b} and bar.arrive: a warp counts with all its lanes.
void arrive(Warp& w, const Instruction& i, uint32_t pc, bool waits) {
  Block& b = *w.block;
  const uint32_t* o = w.operandsOf(i);
  const uint32_t id = w.at<uint32_t>(o[0])[__builtin_ctz(w.live)];
  const uint32_t all = (b.threads + LANES - 1) / LANES * LANES;
  const uint32_t expected = o[1] == NONE ? all : w.at<uint32_t>(o[1])[__builtin_ctz(w.live)];
  if (id >= 16 || expected == 0 || expected % LANES != 0) b.fault(FaultKind::ILLEGAL_INSTRUCTION, w, 0, i, "no such barrier");
  uint32_t left = lanesOf(b.threads - w.first) & ~w.live;
  if (left != 0) {
    b.fault(FaultKind::FAILED, w, __builtin_ctz(w.live), i, "barrier " + std::to_string(id) + " is not reached by all threads: " + b.who(w, __builtin_ctz(left)) + " is over");
  }
  Barrier& barrier = b.barriers[id];
  if (barrier.arrived != 0 && barrier.expected != expected) b.fault(FaultKind::FAILED, w, 0, i, "threads come to barrier " + std::to_string(id) + " with different counts");
  barrier.expected = expected;
  barrier.arrived += LANES;
  if (waits) w.barrier = id, w.barrierPc = pc;
  if (barrier.arrived == expected) release(b, id);
}

// The lanes that an instruction must run with.
uint32_t neededBy(const Warp& w, const Instruction& i, uint32_t active) {
  if (i.meeting == Meeting::WARP) return w.live;
  const uint32_t* members = w.at<uint32_t>(w.operandsOf(i)[i.operandCount - 1]);
  uint32_t mask = members[__builtin_ctz(active)];
  each(active, [&](int l) {
    if (members[l] != mask || (mask >> l & 1) == 0) {
      w.block->fault(FaultKind::ILLEGAL_INSTRUCTION, w, l, i, "the lanes do not give one mask that has them all");
    }
  });
  if ((mask & ~w.live) != 0) w.block->fault(FaultKind::ILLEGAL_INSTRUCTION, w, __builtin_ctz(active), i, "the mask names lanes that are over");
  return mask;
}

// The path to go on with: of those that wait for nobody the furthest behind; paths at one place are joined first.
size_t choose(Warp& w) {
  auto& paths = w.paths;
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t j = paths.size() - 1; j > i; --j) {
      if (paths[i].pc != paths[j].pc) continue;
      paths[i].mask |= paths[j].mask;
      paths[i].waiting = false;
      paths.erase(paths.begin() + static_cast<long>(j));
    }
  }
  size_t chosen = paths.size();
  for (size_t i = 0; i < paths.size(); ++i) {
    if (!paths[i].waiting && (chosen == paths.size() || paths[i].pc < paths[chosen].pc)) chosen = i;
  }
  if (chosen == paths.size()) {
    const Instruction &first = w.program->code[paths[0].pc], &other = w.program->code[paths.back().pc];
    w.block->fault(FaultKind::FAILED, w, __builtin_ctz(paths[0].mask), first,
                   "lanes of a warp wait at different instructions; " + w.block->who(w, __builtin_ctz(paths.back().mask)) + " at line " + std::to_string(other.line));
  }
  return chosen;
}

// Runs until the budget is used up, the warp waits at a barrier or is over.
void runWarp(Warp& w, uint32_t budget) {
  Block& b = *w.block;
  const Instruction* code = w.program->code.data();
  while (w.live != 0 && w.barrier == NONE && budget > 0) {
    const size_t now = w.paths.size() == 1 ? 0 : choose(w);
    uint32_t meet = NONE;  // where the next path is
    for (size_t n = 0; n < w.paths.size(); ++n) {
      if (n != now && w.paths[n].pc > w.paths[now].pc) meet = std::min(meet, w.paths[n].pc);
    }
    const uint32_t mask = w.paths[now].mask;
    uint32_t pc = w.paths[now].pc;
    w.paths[now].waiting = false;
    bool on = true;
    const uint32_t begun = pc;
    while (on && budget > 0) {
      const Instruction& i = code[pc];
      uint32_t active = mask;
      if (i.predicate != NONE) active &= i.negate ? ~w.predicate(i.predicate) : w.predicate(i.predicate);
      --budget;
      if (active == 0) {
        on = ++pc < meet;
        continue;
      }
      if (i.meeting != Meeting::NONE) {
        const uint32_t needed = neededBy(w, i, active);
        if ((active & needed) != needed) {
          w.paths[now].waiting = true;
          // Lanes whose predicate is false go on without the others.
          if (active != mask) {
            w.paths[now].mask = active;
            w.paths.push_back({mask & ~active, pc + 1, false});
          }
          break;
        }
      }
      observeIssue(w, i, active);
      switch (i.flow) {
        case Flow::NEXT:
          i.run(w, i, active);
          on = ++pc < meet;
          break;
        case Flow::UNIFORM_BRANCH:
        case Flow::BRANCH:
          if (active == mask) {
            on = i.target > pc ? i.target < meet : w.paths.size() == 1;
            pc = i.target;
          } else {
            if (i.flow == Flow::UNIFORM_BRANCH) b.fault(FaultKind::ILLEGAL_INSTRUCTION, w, __builtin_ctz(active), i, "bra.uni is not uniform");
            w.paths[now].mask = mask & ~active;
            w.paths.push_back({active, i.target, false});
            ++pc;
            on = false;
          }
          break;
        case Flow::EXIT:
          w.live &= ~active;
          for (Path& p : w.paths) p.waiting = false;  // what they wait for may have become less
          w.paths[now].mask &= ~active;
          ++pc;
          on = false;
          break;
        case Flow::BARRIER:
        case Flow::ARRIVE:
          ++pc;
          arrive(w, i, pc - 1, i.flow == Flow::BARRIER);
          on = w.barrier == NONE && pc < meet;
          if (w.barrier != NONE) budget = 0;
          break;
        case Flow::TRAP:
          b.fault(FaultKind::ILLEGAL_INSTRUCTION, w, __builtin_ctz(active), i, "trap");
      }
    }
    (void)begun;
    w.paths[now].pc = pc;
    if (w.paths[now].mask == 0) w.paths.erase(w.paths.begin() + static_cast<long>(now));
  }
  if (w.live == 0) b.left(w);
}

void begin(Block& b, Warp& w, uint32_t number, uint8_t* registers) {
  const Program& p = b.program;
  const Launch& launch = b.launch;
  w.bases[0] = registers;
  w.bases[1] = const_cast<uint8_t*>(p.constants.data());
  w.block = &b;
  w.program = &p;
  w.first = number * LANES;
  w.live = lanesOf(b.threads - w.first);
  w.barrier = NONE;
  w.since = 1;
  w.paths.assign(1, {w.live, 0, false});
  w.copies.clear();
  std::memset(w.group, 0, sizeof w.group);
  for (size_t n = 0; n < p.specials.size(); n += 2) {
    uint32_t* to = w.at<uint32_t>(p.specials[n + 1]);
    const uint32_t what = p.specials[n];
    for (uint32_t l = 0; l < LANES; ++l) {
      const uint32_t t = w.first + l;
      switch (what) {
        case TID_X: to[l] = t % launch.block[0]; break;
        case TID_Y: to[l] = t / launch.block[0] % launch.block[1]; break;
        case TID_Z: to[l] = t / launch.block[0] / launch.block[1]; break;
        case NTID_X: case NTID_Y: case NTID_Z: to[l] = launch.block[what - NTID_X]; break;
        case CTAID_X: case CTAID_Y: case CTAID_Z: to[l] = b.id[what - CTAID_X]; break;
        case NCTAID_X: case NCTAID_Y: case NCTAID_Z: to[l] = launch.grid[what - NCTAID_X]; break;
        case LANEID: to[l] = l; break;
        case WARPID: to[l] = number; break;
        case NWARPID: to[l] = (b.threads + LANES - 1) / LANES; break;
        case LANEMASK_EQ: to[l] = 1u << l; break;
        case LANEMASK_LT: to[l] = (1u << l) - 1; break;
        case LANEMASK_LE: to[l] = (1u << l) | ((1u << l) - 1); break;
        case LANEMASK_GT: to[l] = ~((1u << l) | ((1u << l) - 1)); break;
        case LANEMASK_GE: to[l] = ~((1u << l) - 1); break;
        default: to[l] = launch.dynamicShared;
      }
    }
  }
}

// Nobody can go on: some wait at barriers that the others do not come to.
[[noreturn]] void stuck(Block& b) {
  for (Warp& w : b.machine.warps) {
    if (w.barrier == NONE) continue;
    const Instruction& i = b.program.code[w.barrierPc];
    std::string others;
    for (Warp& other : b.machine.warps) {
      if (other.live == 0) others = b.who(other, 0) + " is over";
      if (other.barrier != NONE && other.barrier != w.barrier) others = b.who(other, 0) + " waits at line " + std::to_string(b.program.code[other.barrierPc].line);
    }
    if (others.empty()) others = std::to_string(b.barriers[w.barrier].expected) + " are waited for";
    b.fault(FaultKind::FAILED, w, 0, i, "barrier " + std::to_string(w.barrier) + " is not reached by all threads: " + others);
  }
  __builtin_unreachable();
}

void runBlock(Block& b) {
  Machine& m = b.machine;
  const uint32_t count = (b.threads + LANES - 1) / LANES;
  const size_t each = b.program.registerBytes;
  if (m.registers.size() < each * count + 64) m.registers.resize(each * count + 64);
  uint8_t* file = m.registers.data();
  file += (64 - reinterpret_cast<uintptr_t>(file) % 64) % 64;
  m.shared.resize(b.sharedBytes + 128);
  if (b.launch.shuffling || b.launch.judging) std::memset(m.shared.data(), 0xff, m.shared.size());
  judgeBlock(b);
  if (m.warps.size() != count) m.warps.resize(count);
  for (uint32_t n = 0; n < count; ++n) begin(b, m.warps[n], n, file + each * n);
  for (bool running = true; running;) {
    running = false;
    bool ran = false;
    const uint32_t offset = b.launch.shuffling ? static_cast<uint32_t>(b.next() % count) : 0;
    for (uint32_t n = 0; n < count; ++n) {
      Warp& w = m.warps[(n + offset) % count];
      if (w.live == 0) continue;
      running = true;
      if (w.barrier != NONE) continue;
      runWarp(w, b.launch.shuffling ? static_cast<uint32_t>(1 + b.next() % 256) : ~0u);
      ran = true;
    }
    if (running && !ran) stuck(b);
  }
}

}  // namespace

void Block::fault(FaultKind kind, const Warp& w, int lane, const Instruction& i, const std::string& what) const {
  throw Fault{kind, "kernel " + where(i) + ", " + who(w, lane) + ": " + what};
}

std::string Block::where(const Instruction& i) const {
  std::string place = placeOf(*program.module, i.place);
  return program.name + ", PTX line " + std::to_string(i.line) + " (" + lineOf(*program.module, i.line) + ")" + (place.empty() ? "" : ", " + place);
}

std::string Block::who(const Warp& w, int lane) const {
  return "block " + std::to_string(id[0]) + "," + std::to_string(id[1]) + "," + std::to_string(id[2]) + " thread " + std::to_string(w.first + static_cast<uint32_t>(lane));
}

void execute(Machine& machine, const Program& program, const Launch& launch, uint64_t first, uint64_t last) {
  const uint32_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  for (uint64_t n = first; n < last; ++n) {
    Block b{program, launch, machine, n,
            {static_cast<uint32_t>(n % launch.grid[0]), static_cast<uint32_t>(n / launch.grid[0] % launch.grid[1]),
             static_cast<uint32_t>(n / launch.grid[0] / launch.grid[1])},
            threads, program.staticShared + launch.dynamicShared, launch.seed * 0x9e3779b97f4a7c15ull + n};
    runBlock(b);
  }
}

}  // namespace ptx
