// fibers.h: the threads of a block as fibers of one worker thread, with barriers, warp collectives and cp.async.
// What cannot be right on a device is found here: barriers that not every thread reaches, warp collectives that meet
// at different calls, misaligned cp.async. With checking on, lanes run in a random order that the seed decides.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>
#include "module.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuhost {

// Signed, unlike CUDA's: then the host compiler sees that indices do not wrap, and can vectorise.
struct Index {
  int x, y, z;
};

struct Fault {};

}  // namespace cuhost

// Never take the address of these: the loop over the threads of a block is vectorised because nobody else can see them.
[[maybe_unused]] static thread_local cuhost::Index threadIdx, blockIdx, blockDim, gridDim;

namespace cuhost {

struct Block;
struct Fiber;
[[maybe_unused]] static thread_local CuhostWorker* worker = nullptr;
[[maybe_unused]] static thread_local Block* block = nullptr;    // null in kernels that run as a loop
[[maybe_unused]] static thread_local Fiber* current = nullptr;

// Ends the launch: the text becomes cuhostLastFault(), the launch fails with CUDA_ERROR_LAUNCH_FAILED.
[[noreturn, gnu::format(printf, 1, 2), gnu::cold, gnu::noinline]] static void fault(const char* format, ...) {
  char why[384];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(why, sizeof why, format, arguments);
  va_end(arguments);
  std::snprintf(worker->fault, sizeof worker->fault, "%s; block (%d,%d,%d), thread (%d,%d,%d)", why, blockIdx.x,
                blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
  throw Fault();
}

// Saves the callee-saved registers and the stack pointer in *save, continues at `load`.
extern "C" __attribute__((visibility("hidden"))) void cuhost_switch(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.pushsection .text
.hidden cuhost_switch
.globl cuhost_switch
.type cuhost_switch,@function
cuhost_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp,(%rdi); movq %rsi,%rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
.size cuhost_switch,.-cuhost_switch
.popsection
)");
constexpr int FRAME_WORDS = 8, RETURN_WORD = 6;
#elif defined(__aarch64__)
asm(R"(
.pushsection .text
.hidden cuhost_switch
.globl cuhost_switch
.type cuhost_switch,%function
cuhost_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cuhost_switch,.-cuhost_switch
.popsection
)");
constexpr int FRAME_WORDS = 20, RETURN_WORD = 11;
#else
#error "cuhost: the fiber switch knows x86-64 and aarch64"
#endif

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t STACK_BYTES = 256 << 10;
#else
constexpr size_t STACK_BYTES = 64 << 10;
#endif

enum class State : uint8_t { READY, AT_BLOCK, AT_NAMED, AT_WARP, DONE };

struct AsyncCopy {
  void* to;
  const void* from;
  int bytes, sourceBytes;
};

struct Fiber {
  void* sp = nullptr;
  void* fakeStack = nullptr;  // the address sanitizer's
  char* stack = nullptr;
  State state = State::DONE;
  Index thread{};
  int lane = 0, warp = 0;
  const char* where = "";  // what it waits in, and in which line
  const char* file = "";
  int line = 0;
  uint32_t mask = 0;      // lanes of the collective it is in
  uint32_t parities = 0;  // which of its two slots each lane used there
  uint32_t parity = 0;    // of its own next slot
  uint64_t reading = 0;   // number of the collective whose slots it may still read
  std::vector<AsyncCopy> copies;
  std::vector<size_t> groups;  // where each committed group of copies ends
};

struct Warp {
  alignas(64) unsigned char slots[2][32][64];
  uint64_t owner[2][32];   // the collective a slot was published for
  uint32_t arrived, live;  // lanes waiting in a collective; lanes that have not exited
  bool partial;            // some collective had fewer lanes than the warp
};

struct NamedBarrier {
  int arrived, expected;
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<int> order;
  NamedBarrier named[16];
  void (*entry)(void*);
  void* context;
  void* schedulerSp;
  void* schedulerFakeStack = nullptr;
  const void* schedulerStack = nullptr;
  size_t schedulerStackBytes = 0;
  uint64_t random, collectives;
  bool failed, checking;
};

static inline void toScheduler([[maybe_unused]] bool leaving = false) {
  Fiber* me = current;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(leaving ? nullptr : &me->fakeStack, block->schedulerStack, block->schedulerStackBytes);
#endif
  cuhost_switch(&me->sp, block->schedulerSp);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(me->fakeStack, nullptr, nullptr);
#endif
}

static inline void wait(State state, const char* where, const char* file, int line) {
  current->state = state;
  current->where = where;
  current->file = file;
  current->line = line;
  toScheduler();
}

static inline void needFibers(const char* what, const char* file, int line) {
  if (current == nullptr) fault("%s at %s:%d: export this kernel with HOST_KERNEL_FIBERS", what, file, line);
}

// All lanes of the mask that have not exited wait with this very mask.
static inline bool collectiveComplete(const Block& b, int warp, uint32_t mask) {
  const Warp& w = b.warps[warp];
  uint32_t needed = mask & w.live;
  if ((needed & ~w.arrived) != 0) return false;
  for (int l = 0; l < 32; ++l) {
    if (needed >> l & 1 && b.fibers[warp * 32 + l].mask != mask) return false;
  }
  return true;
}

// Lets the lanes of f's collective go.
static inline void completeCollective(Block& b, Fiber& f) {
  Warp& w = b.warps[f.warp];
  uint32_t members = f.mask & w.live, parities = 0;
  Fiber* lanes = &b.fibers[f.warp * 32];
  for (int l = 0; l < 32; ++l) {
    if (!(members >> l & 1)) continue;
    if (lanes[l].line != f.line || std::strcmp(lanes[l].where, f.where) != 0) {
      fault("lanes of a warp meet at different calls: %s at %s:%d and %s at %s:%d, mask %08x", f.where, f.file, f.line,
            lanes[l].where, lanes[l].file, lanes[l].line, f.mask);
    }
    parities |= lanes[l].parity << l;
  }
  uint64_t number = ++b.collectives;
  w.arrived &= ~members;
  w.partial |= members != w.live;
  for (int l = 0; l < 32; ++l) {
    if (!(members >> l & 1)) continue;
    w.owner[lanes[l].parity][l] = number;
    lanes[l].parity ^= 1;
    lanes[l].parities = parities;
    lanes[l].mask = members;
    lanes[l].reading = number;
    lanes[l].state = State::READY;
  }
}

// What the lanes of a warp gave to a collective.
struct Lanes {
  const Warp* warp;
  uint32_t parities, members;

  bool has(int lane) const { return members >> lane & 1; }
  const void* operator[](int lane) const { return warp->slots[parities >> lane & 1][lane]; }
  template <class T>
  T get(int lane) const {
    T value;
    std::memcpy(&value, (*this)[lane], sizeof value);
    return value;
  }
};

inline int lane() { return current->lane; }

// Publishes `bytes` (up to 64) of this lane and returns what every lane of the mask published, once all are here.
// The result is good until this lane's next collective.
static inline Lanes collective(uint32_t mask, const void* mine, size_t bytes, const char* what,
                               const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  needFibers(what, file, line);
  Fiber& me = *current;
  Warp& w = block->warps[me.warp];
  if (bytes > sizeof w.slots[0][0]) fault("%s at %s:%d publishes more than 64 bytes", what, file, line);
  if (!(mask >> me.lane & 1)) fault("%s at %s:%d: lane %d is not in its own mask %08x", what, file, line, me.lane, mask);
  me.reading = 0;
  if (w.partial) {  // a lane of a smaller group may not have read yet what this slot holds
    auto beingRead = [&] {
      uint64_t number = w.owner[me.parity][me.lane];
      for (int l = 0; l < 32; ++l) {
        if (w.live >> l & 1 && number != 0 && block->fibers[me.warp * 32 + l].reading == number) return true;
      }
      return false;
    };
    while (beingRead()) wait(State::READY, what, file, line);
  }
  std::memcpy(w.slots[me.parity][me.lane], mine, bytes);
  me.mask = mask;
  me.where = what;
  me.file = file;
  me.line = line;
  w.arrived |= 1u << me.lane;
  if (collectiveComplete(*block, me.warp, mask)) {
    completeCollective(*block, me);
  } else {
    wait(State::AT_WARP, what, file, line);
  }
  return {&w, me.parities, me.mask};
}

static inline void syncBlock(const char* file, int line) {
  needFibers("__syncthreads", file, line);
  current->reading = 0;
  wait(State::AT_BLOCK, "__syncthreads", file, line);
}

// bar.sync id, threads (or bar.arrive when `waits` is false): a counting barrier for groups of warps.
[[maybe_unused]] static void namedBarrier(int id, int threads, bool waits = true, const char* file = __builtin_FILE(),
                                          int line = __builtin_LINE()) {
  needFibers("bar.sync", file, line);
  if (id < 0 || id >= 16) fault("bar.sync at %s:%d: no barrier %d", file, line, id);
  NamedBarrier& b = block->named[id];
  if (b.arrived > 0 && b.expected != threads) {
    fault("bar.sync %d at %s:%d: %d threads expected here, %d elsewhere", id, file, line, threads, b.expected);
  }
  b.expected = threads;
  current->mask = static_cast<uint32_t>(id);
  current->reading = 0;
  if (++b.arrived == threads) {
    b.arrived = 0;
    for (Fiber& f : block->fibers) {
      if (f.state == State::AT_NAMED && f.mask == static_cast<uint32_t>(id)) f.state = State::READY;
    }
  } else if (waits) {
    wait(State::AT_NAMED, "bar.sync", file, line);
  }
}

// cp.async: the copy happens at the wait that covers it, so a wait that is missing shows. The tail beyond
// `sourceBytes` is zero.
[[maybe_unused]] static void async_copy(void* to, const void* from, int bytes, int sourceBytes,
                                        const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  needFibers("cp.async", file, line);
  if (bytes != 4 && bytes != 8 && bytes != 16) fault("cp.async at %s:%d: %d bytes", file, line, bytes);
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % bytes != 0) {
    fault("cp.async at %s:%d: an address is not aligned to %d bytes", file, line, bytes);
  }
  if (sourceBytes < 0 || sourceBytes > bytes) fault("cp.async at %s:%d: source of %d bytes", file, line, sourceBytes);
  current->copies.push_back({to, from, bytes, sourceBytes});
}

[[maybe_unused]] static void async_commit() {
  needFibers("cp.async.commit_group", "", 0);
  current->groups.push_back(current->copies.size());
}

// Waits until at most `pending` committed groups are left.
[[maybe_unused]] static void async_wait(int pending) {
  needFibers("cp.async.wait_group", "", 0);
  Fiber& me = *current;
  int groups = static_cast<int>(me.groups.size()) - pending;
  if (groups <= 0) return;
  size_t end = me.groups[groups - 1];
  for (size_t i = 0; i < end; ++i) {
    const AsyncCopy& c = me.copies[i];
    std::memcpy(c.to, c.from, c.sourceBytes);
    std::memset(static_cast<char*>(c.to) + c.sourceBytes, 0, c.bytes - c.sourceBytes);
  }
  me.copies.erase(me.copies.begin(), me.copies.begin() + end);
  me.groups.erase(me.groups.begin(), me.groups.begin() + groups);
  for (size_t& g : me.groups) g -= end;
}

[[maybe_unused]] static void async_wait_all() {
  async_commit();
  async_wait(0);
}

// A thread has returned: the collectives that waited for it alone go on.
static inline void leaveWarp(Block& b, Fiber& f) {
  Warp& w = b.warps[f.warp];
  w.live &= ~(1u << f.lane);
  for (int l = 0; l < 32; ++l) {
    if (!(w.arrived >> l & 1)) continue;
    Fiber& waiting = b.fibers[f.warp * 32 + l];
    if (collectiveComplete(b, f.warp, waiting.mask)) completeCollective(b, waiting);
  }
}

[[noreturn]] static void fiberMain() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block->schedulerStack, &block->schedulerStackBytes);
#endif
  try {
    block->entry(block->context);
    current->state = State::DONE;
    leaveWarp(*block, *current);
  } catch (const Fault&) {
    block->failed = true;
  }
  current->state = State::DONE;
  toScheduler(true);
  __builtin_unreachable();
}

static inline void resume(Block& b, Fiber& f) {
  current = &f;
  threadIdx = f.thread;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&b.schedulerFakeStack, f.stack, STACK_BYTES);
#endif
  cuhost_switch(&b.schedulerSp, f.sp);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(b.schedulerFakeStack, nullptr, nullptr);
#endif
}

static inline void prepareFiber(Fiber& f) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(f.stack, STACK_BYTES);  // what an abandoned fiber left
#endif
  void** frame = reinterpret_cast<void**>(f.stack + STACK_BYTES) - FRAME_WORDS;
  for (int i = 0; i < FRAME_WORDS; ++i) frame[i] = nullptr;
  frame[RETURN_WORD] = reinterpret_cast<void*>(fiberMain);
  f.sp = frame;
  f.state = State::READY;
  f.parity = 0;
  f.reading = 0;
  f.copies.clear();
  f.groups.clear();
}

static inline uint64_t nextRandom(uint64_t& s) {
  s ^= s >> 12;
  s ^= s << 25;
  s ^= s >> 27;
  return s * 0x2545f4914f6cdd1dull;
}

// Nobody can run: either everybody waits in one barrier, or the kernel is wrong.
[[maybe_unused]] static void releaseBarrier(Block& b) {
  const Fiber* first = nullptr;
  const Fiber* other = nullptr;
  for (const Fiber& f : b.fibers) {
    if (f.state == State::DONE) continue;
    if (first == nullptr) first = &f;
    if (f.state != State::AT_BLOCK || first->state != State::AT_BLOCK || f.line != first->line ||
        std::strcmp(f.file, first->file) != 0) {
      other = &f;
    }
  }
  if (other == nullptr) {
    for (Fiber& f : b.fibers) {
      if (f.state == State::AT_BLOCK) f.state = State::READY;
    }
    return;
  }
  threadIdx = first->thread;
  bool both = first->state == State::AT_BLOCK && other->state == State::AT_BLOCK;
  fault("%s: thread (%d,%d,%d) waits in %s at %s:%d, thread (%d,%d,%d) in %s at %s:%d",
        both ? "divergent __syncthreads" : "deadlock, not every thread reaches the barrier or collective",
        first->thread.x, first->thread.y, first->thread.z, first->where, first->file, first->line, other->thread.x,
        other->thread.y, other->thread.z, other->where, other->file, other->line);
}

// Runs one block: warp after warp, or all threads in a random order when checking.
[[maybe_unused]] static void runBlock(Block& b) {
  int threads = static_cast<int>(b.fibers.size());
  for (Fiber& f : b.fibers) prepareFiber(f);
  for (size_t w = 0; w < b.warps.size(); ++w) {
    int lanes = threads - static_cast<int>(w) * 32;
    b.warps[w].arrived = 0;
    b.warps[w].live = lanes >= 32 ? ~0u : (1u << lanes) - 1;
    b.warps[w].partial = false;
    std::memset(b.warps[w].owner, 0, sizeof b.warps[w].owner);
  }
  for (NamedBarrier& n : b.named) n = {0, 0};
  for (int left = threads; left > 0;) {
    if (b.checking) {
      for (int i = threads - 1; i > 0; --i) std::swap(b.order[i], b.order[nextRandom(b.random) % (i + 1)]);
    }
    bool ran = false;
    for (int begin = 0; begin < threads;) {
      int end = b.checking ? threads : begin + 32 < threads ? begin + 32 : threads;
      bool again = false;
      for (int i = begin; i < end; ++i) {
        Fiber& f = b.fibers[b.order[i]];
        if (f.state != State::READY) continue;
        resume(b, f);
        if (b.failed) throw Fault();
        again = true;
        if (f.state == State::DONE) --left;
      }
      ran |= again;
      if (!again || b.checking) begin = end;
    }
    if (!ran) releaseBarrier(b);
  }
}

}  // namespace cuhost
