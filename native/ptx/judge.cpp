#include "judge.h"
#include <sys/mman.h>
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>

namespace ptx {
namespace {

// ---- findings -------------------------------------------------------------------------------------------------------

std::mutex& mutex = *new std::mutex;
std::deque<std::string>& findings = *new std::deque<std::string>;
std::map<const Module*, std::set<std::pair<const Instruction*, std::string>>>& known =
    *new std::map<const Module*, std::set<std::pair<const Instruction*, std::string>>>;

template <class D>
void find(const Block& b, const Warp& w, int lane, const Instruction& i, const std::string& what, D detail) {
  std::lock_guard lock(mutex);
  if (!known[b.program.module].insert({&i, what}).second) return;
  findings.push_back(what + ": kernel " + b.where(i) + ", " + b.who(w, lane) + ", " + detail());
}

// ---- records --------------------------------------------------------------------------------------------------------

// A record is a time and, in its low bits, who. 0: never.
struct Shared {
  static constexpr int BITS = 11;
  static constexpr uint32_t WHO = (1u << BITS) - 1, SEVERAL = WHO, ATOMIC = WHO - 1, OF_WARP = 1025, LAST = ~0u >> BITS;
  static constexpr uint32_t PENDING = LAST << BITS;  // a copy under way: later than all times
  static uint32_t thread(const Warp& w, int lane) { return w.first + static_cast<uint32_t>(lane) + 1; }
  // Which warp a reader or writer is of; NONE for several.
  static uint32_t warpOf(uint32_t who) { return who < OF_WARP ? (who - 1) / LANES : who < ATOMIC ? who - OF_WARP : NONE; }
};
struct Global {
  static constexpr int BITS = 20;
  static constexpr uint32_t WHO = (1u << BITS) - 1, SEVERAL = WHO, ATOMIC = WHO - 1, HOST = 1, PENDING = ~0u;
  static uint32_t block(uint64_t number) { return static_cast<uint32_t>(number % (ATOMIC - 2)) + 2; }
};

// Whether COUNT records let an access pass: those since `since` must be of `me`.
template <class S, int COUNT>
bool passes(const uint32_t* written, const uint32_t* read, uint32_t since, uint32_t me, bool writes) {
  uint32_t bad = 0;
  for (int g = 0; g < COUNT; ++g) bad |= static_cast<uint32_t>(written[g] >= S::PENDING);
  if (writes) {
    for (int g = 0; g < COUNT; ++g) {
      bad |= static_cast<uint32_t>(written[g] >= since) & static_cast<uint32_t>((written[g] & S::WHO) != me);
      bad |= static_cast<uint32_t>(read[g] >= since) & static_cast<uint32_t>((read[g] & S::WHO) != me);
    }
  } else {
    for (int g = 0; g < COUNT; ++g) {
      bad |= static_cast<uint32_t>(written[g] == 0);
      bad |= static_cast<uint32_t>(written[g] >= since) & static_cast<uint32_t>((written[g] & S::WHO) != me);
    }
  }
  return bad == 0;
}

template <int COUNT>
void wrote(uint32_t* written, uint32_t record) {
  for (int g = 0; g < COUNT; ++g) written[g] = record;
}

const char* kindOf(Access access, bool otherWrote) {
  if (access == Access::LOAD) return "a read races with a write";
  return otherWrote ? "a write races with a write" : "a write races with a read";
}

// Calls f with the number of records as a constant.
template <class F>
void counted(uint32_t bytes, F f) {
  switch (bytes) {
    case 16: f.template operator()<8>(); break;
    case 8: f.template operator()<4>(); break;
    case 4: f.template operator()<2>(); break;
    default: f.template operator()<1>(); break;
  }
}

// ---- shared memory --------------------------------------------------------------------------------------------------

// The slow way, where something may be wrong: of each record.
void inspectShared(Block& b, const Warp& w, const Instruction& i, Access access, int lane, uint32_t address, uint32_t bytes) {
  const uint32_t me = Shared::thread(w, lane), myWarp = w.first / LANES, since = b.since << Shared::BITS;
  const bool writes = access != Access::LOAD;
  for (uint32_t at = address / 2; at < (address + bytes + 1) / 2; ++at) {
    auto place = [&] { return "byte " + std::to_string(2 * at); };
    auto races = [&](uint32_t record) {
      uint32_t who = record & Shared::WHO;
      if (record < since || record == 0 || who == me || bytes == 1) return false;
      if (who == Shared::ATOMIC && access == Access::ATOMIC) return false;
      return record >= Shared::PENDING || Shared::warpOf(who) != myWarp || record >> Shared::BITS >= w.since;
    };
    auto other = [&](uint32_t record) {
      uint32_t who = record & Shared::WHO;
      return who < Shared::OF_WARP ? "thread " + std::to_string(who - 1)
             : who == Shared::ATOMIC ? std::string("an atomic operation")
             : who == Shared::SEVERAL ? std::string("several threads")
                                      : "several threads of warp " + std::to_string(who - Shared::OF_WARP);
    };
    const uint32_t written = b.machine.sharedWritten[at], read = b.machine.sharedRead[at];
    if (!writes && written == 0) find(b, w, lane, i, "shared memory is read that was never written", place);
    if (written >= Shared::PENDING) {
      find(b, w, lane, i, "shared memory is used before its asynchronous copy was waited for", [&] { return place() + ", copied by " + other(written); });
    } else if (races(written)) {
      find(b, w, lane, i, std::string("in shared memory ") + kindOf(access, true), [&] { return place() + ", the other is " + other(written); });
    } else if (writes && races(read)) {
      find(b, w, lane, i, std::string("in shared memory ") + kindOf(access, false), [&] { return place() + ", the other is " + other(read); });
    }
  }
}

void sharedRead(uint32_t* read, uint32_t count, uint32_t since, uint32_t now, uint32_t me, uint32_t myWarp) {
  for (uint32_t g = 0; g < count; ++g) {
    uint32_t who = read[g] & Shared::WHO;
    uint32_t then = read[g] < since || who == me ? me : Shared::warpOf(who) == myWarp ? Shared::OF_WARP + myWarp : Shared::SEVERAL;
    read[g] = now | then;
  }
}

// ---- device memory --------------------------------------------------------------------------------------------------

void inspectGlobal(Block& b, const Warp& w, const Instruction& i, Access access, int lane, uint64_t address, uint32_t bytes, const Range& range) {
  const uint32_t me = Global::block(b.number), since = b.launch.tag << Global::BITS;
  const bool writes = access == Access::STORE || access == Access::ATOMIC;
  for (size_t at = (address - range.begin) / 2; at < (address + bytes - range.begin + 1) / 2; ++at) {
    auto place = [&] { return "byte " + std::to_string(2 * at) + " of an allocation of " + std::to_string(range.end - range.begin); };
    auto races = [&](uint32_t record) {
      uint32_t who = record & Global::WHO;
      return record >= since && who != me && bytes != 1 && !(who == Global::ATOMIC && access == Access::ATOMIC);
    };
    auto other = [&](uint32_t record) {
      uint32_t who = record & Global::WHO;
      return who == Global::SEVERAL ? std::string("several blocks") : who == Global::ATOMIC ? std::string("an atomic operation") : "block " + std::to_string(who - 2);
    };
    const uint32_t written = range.shadow.written[at], read = range.shadow.read[at];
    if (access != Access::STORE && written == 0) find(b, w, lane, i, "device memory is read that was never written", place);
    if (races(written)) {
      find(b, w, lane, i, std::string("between blocks ") + kindOf(writes ? Access::STORE : Access::LOAD, true), [&] { return place() + ", the other is " + other(written); });
    } else if (writes && races(read)) {
      find(b, w, lane, i, std::string("between blocks ") + kindOf(Access::STORE, false), [&] { return place() + ", the other is " + other(read); });
    }
  }
}

template <int COUNT>
void remember(uint32_t* written, uint32_t* read, uint32_t since, uint32_t me, Access access) {
  if (access != Access::LOAD) {
    wrote<COUNT>(written, since | (access == Access::ATOMIC ? Global::ATOMIC : me));
  } else {
    for (int g = 0; g < COUNT; ++g) read[g] = since | (read[g] < since || (read[g] & Global::WHO) == me ? me : Global::SEVERAL);
  }
}

}  // namespace

void judgeBlock(Block& b) {
  if (!b.launch.judging) return;
  const size_t count = b.sharedBytes / 2 + 64;
  b.machine.sharedWritten.assign(count, 0);
  b.machine.sharedRead.assign(count, 0);
}

void judgeShared(Block& b, const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint32_t (&address)[LANES], uint32_t bytes) {
  const uint32_t since = b.since << Shared::BITS, now = b.now << Shared::BITS, myWarp = w.first / LANES;
  uint32_t *written = b.machine.sharedWritten.data(), *read = b.machine.sharedRead.data();
  counted(bytes, [&]<int COUNT>() {
    each(mask, [&](int l) {
      const uint32_t me = Shared::thread(w, l), at = address[l] / 2;
      if (access == Access::LOAD) {
        if (!passes<Shared, COUNT>(written + at, read + at, since, me, false)) inspectShared(b, w, i, access, l, address[l], bytes);
        sharedRead(read + at, COUNT, since, now, me, myWarp);
      } else {
        if (access == Access::ATOMIC || !passes<Shared, COUNT>(written + at, read + at, since, me, true)) inspectShared(b, w, i, access, l, address[l], bytes);
        wrote<COUNT>(written + at, access == Access::COPY ? Shared::PENDING | me : now | (access == Access::ATOMIC ? Shared::ATOMIC : me));
      }
    });
  });
}

void judgeLanded(Block& b, const Warp& w, int lane, uint32_t to, uint32_t bytes) {
  uint32_t* written = b.machine.sharedWritten.data() + to / 2;
  std::fill(written, written + bytes / 2, b.now << Shared::BITS | Shared::thread(w, lane));
}

void judgeLeft(Block& b, const Warp& w) {
  for (const Copies& c : w.copies) {
    find(b, w, __builtin_ctz(c.mask), b.program.code[c.instruction], "an asynchronous copy is never waited for", [&] { return "to shared byte " + std::to_string(c.to[__builtin_ctz(c.mask)]); });
  }
}

void judgeGlobal(Block& b, const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint64_t (&address)[LANES], uint32_t bytes, const Range& range) {
  if (range.shadow.written == nullptr) return;
  const uint32_t since = b.launch.tag << Global::BITS, me = Global::block(b.number);
  const Access as = access == Access::COPY ? Access::LOAD : access;
  counted(bytes, [&]<int COUNT>() {
    each(mask, [&](int l) {
      const size_t at = (address[l] - range.begin) / 2;
      uint32_t *written = range.shadow.written + at, *read = range.shadow.read + at;
      if (as == Access::ATOMIC || !passes<Global, COUNT>(written, read, since, me, as == Access::STORE)) {
        inspectGlobal(b, w, i, as, l, address[l], bytes, range);
      }
      remember<COUNT>(written, read, since, me, as);
    });
  });
}

Shadow newShadow(size_t bytes) {
  const size_t length = (bytes / 2 + 16) * sizeof(uint32_t);
  auto map = [&] {
    void* m = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return m == MAP_FAILED ? nullptr : static_cast<uint32_t*>(m);
  };
  Shadow s{map(), map()};
  if (s.written != nullptr && s.read != nullptr) return s;
  freeShadow(s, bytes);
  return {};
}

void freeShadow(const Shadow& s, size_t bytes) {
  const size_t length = (bytes / 2 + 16) * sizeof(uint32_t);
  if (s.written != nullptr) munmap(s.written, length);
  if (s.read != nullptr) munmap(s.read, length);
}

void mark(const Range& range, uintptr_t begin, size_t bytes, bool written) {
  if (range.shadow.written == nullptr || bytes == 0) return;
  uint32_t* first = range.shadow.written + (begin - range.begin) / 2;
  uint32_t* last = range.shadow.written + (begin + bytes - range.begin + 1) / 2;
  std::fill(first, last, written ? Global::HOST : 0);
}

uint32_t tagOf(uint64_t serial) { return static_cast<uint32_t>(serial % TAGS) + 1; }

void forgetLaunches(const Range& range) {
  if (range.shadow.written == nullptr) return;
  const size_t count = (range.end - range.begin + 1) / 2;
  for (size_t g = 0; g < count; ++g) {
    range.shadow.written[g] = range.shadow.written[g] == 0 ? 0 : Global::HOST;
    range.shadow.read[g] = 0;
  }
}

bool takeFinding(std::string& text) {
  std::lock_guard lock(mutex);
  if (findings.empty()) return false;
  text = std::move(findings.front());
  findings.pop_front();
  return true;
}

void forget(const Module& module) {
  std::lock_guard lock(mutex);
  known.erase(&module);
}

}  // namespace ptx
