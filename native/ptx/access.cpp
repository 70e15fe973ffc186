// access.cpp: every access to memory: alignment, bounds, the judge, and asynchronous copies.
#include <algorithm>
#include <cstring>
#include "judge.h"
#include "observe.h"

namespace ptx {
namespace {

std::string hex(uint64_t v) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

// Least and greatest of the active lanes' addresses, and all their bits together.
template <class T>
struct Extent {
  T low = static_cast<T>(~T{0}), high = 0, bits = 0;
  Extent(uint32_t mask, const T (&address)[LANES]) {
    if (mask == ~0u) {
      for (int l = 0; l < LANES; ++l) {
        low = std::min(low, address[l]);
        high = std::max(high, address[l]);
        bits |= address[l];
      }
    } else {
      each(mask, [&](int l) {
        low = std::min(low, address[l]);
        high = std::max(high, address[l]);
        bits |= address[l];
      });
    }
  }
};

// The range that holds [address, address + bytes), or null.
const Range* find(const std::vector<Range>& memory, uint64_t address, uint64_t bytes) {
  auto after = std::upper_bound(memory.begin(), memory.end(), address, [](uint64_t a, const Range& r) { return a < r.begin; });
  if (after == memory.begin()) return nullptr;
  const Range& r = *std::prev(after);
  return address <= r.end && bytes <= r.end - address ? &r : nullptr;
}

[[noreturn]] void nowhere(const Block& b, const Warp& w, int lane, const Instruction& i, uint64_t address, uint64_t bytes) {
  const auto& memory = b.launch.memory;
  auto after = std::upper_bound(memory.begin(), memory.end(), address, [](uint64_t a, const Range& r) { return a < r.begin; });
  std::string near;
  if (after != memory.begin()) near += "; the allocation before ends " + std::to_string(static_cast<int64_t>(address - std::prev(after)->end)) + " bytes below";
  if (after != memory.end()) near += "; the next begins " + std::to_string(after->begin - address) + " bytes above";
  b.fault(FaultKind::ILLEGAL_ADDRESS, w, lane, i, "no memory at " + hex(address) + " for " + std::to_string(bytes) + " bytes" + near);
}

// The allocation with the addresses from `low` to `high`, `bytes` each; null where there is not one for them all.
const Range* together(Block& b, uint64_t low, uint64_t high, uint32_t bytes) {
  const auto& memory = b.launch.memory;
  if (b.lastRange < memory.size()) {
    const Range& r = memory[b.lastRange];
    if (low >= r.begin && high <= r.end && bytes <= r.end - high) return &r;
  }
  const Range* r = find(memory, low, high - low + bytes);
  if (r != nullptr) b.lastRange = static_cast<size_t>(r - memory.data());
  return r;
}

}  // namespace

void Block::global(const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint64_t (&address)[LANES], uint32_t bytes) {
  Extent<uint64_t> extent(mask, address);
  if ((extent.bits & (bytes - 1)) != 0) {
    each(mask, [&](int l) {
      if (address[l] % bytes != 0) fault(FaultKind::MISALIGNED, w, l, i, "address " + hex(address[l]) + " is not a multiple of " + std::to_string(bytes));
    });
  }
  const Range* range = together(*this, extent.low, extent.high, bytes);
  if (range == nullptr) {
    each(mask, [&](int l) {
      if (find(launch.memory, address[l], bytes) == nullptr) nowhere(*this, w, l, i, address[l], bytes);
    });
  }
  observeGlobal(w, i, access, mask, address, bytes);
  if (!launch.judging) return;
  if (range != nullptr) {
    judgeGlobal(*this, w, i, access, mask, address, bytes, *range);
  } else {
    each(mask, [&](int l) { judgeGlobal(*this, w, i, access, 1u << l, address, bytes, *find(launch.memory, address[l], bytes)); });
  }
}

void Block::sharedMemory(const Warp& w, const Instruction& i, Access access, uint32_t mask, const uint32_t (&address)[LANES], uint32_t bytes) {
  Extent<uint32_t> extent(mask, address);
  if ((extent.bits & (bytes - 1)) != 0) {
    each(mask, [&](int l) {
      if (address[l] % bytes != 0) fault(FaultKind::MISALIGNED, w, l, i, "shared address " + hex(address[l]) + " is not a multiple of " + std::to_string(bytes));
    });
  }
  if (extent.high > sharedBytes || bytes > sharedBytes - extent.high) {
    each(mask, [&](int l) {
      if (address[l] > sharedBytes || bytes > sharedBytes - address[l]) {
        fault(FaultKind::ILLEGAL_ADDRESS, w, l, i, "no shared memory at " + hex(address[l]) + ": the block has " + std::to_string(sharedBytes) + " bytes");
      }
    });
  }
  observeShared(w, i, access, mask, address, bytes);
  if (launch.judging) judgeShared(*this, w, i, access, mask, address, bytes);
}

// ---- asynchronous copies --------------------------------------------------------------------------------------------

namespace {

// A lane copies `bytes` that are not a power of two: as accesses of two bytes.
void readPart(Block& b, const Warp& w, const Instruction& i, int lane, const uint64_t (&from)[LANES], uint32_t bytes) {
  uint64_t address[LANES];
  address[lane] = from[lane];
  for (uint32_t done = 0; done < bytes; done += 2) {
    b.global(w, i, Access::COPY, 1u << lane, address, bytes - done >= 2 ? 2 : 1);
    address[lane] += 2;
  }
}

void land(Block& b, Copies& c, uint32_t lanes) {
  lanes &= ~c.landed;
  c.landed |= lanes;
  each(lanes, [&](int l) {
    uint8_t* to = b.shared() + c.to[l];
    std::memcpy(to, reinterpret_cast<const void*>(c.from[l]), c.read[l]);
    std::memset(to + c.read[l], 0, c.bytes - c.read[l]);
  });
}

}  // namespace

void Block::copiesIssued(Warp& w, const Instruction& i, uint32_t mask, const uint32_t (&to)[LANES], const uint64_t (&from)[LANES], uint32_t bytes, const uint32_t (&read)[LANES]) {
  sharedMemory(w, i, Access::COPY, mask, to, bytes);
  uint32_t whole = 0, part = 0;
  each(mask, [&](int l) {
    if (from[l] % bytes != 0) fault(FaultKind::MISALIGNED, w, l, i, "the source " + hex(from[l]) + " is not a multiple of " + std::to_string(bytes));
    if (read[l] == bytes) {
      whole |= 1u << l;
    } else if (read[l] != 0) {
      part |= 1u << l;
      readPart(*this, w, i, l, from, read[l]);
    }
  });
  if (whole != 0) global(w, i, Access::COPY, whole, from, bytes);
  if (part != 0) observeGlobal(w, i, Access::COPY, part, from, bytes);
  Copies c{mask, bytes, static_cast<uint32_t>(&i - program.code.data()), 0, {}, {}, {}, {}};
  std::memcpy(c.group, w.group, sizeof c.group);
  std::memcpy(c.to, to, sizeof c.to);
  std::memcpy(c.read, read, sizeof c.read);
  std::memcpy(c.from, from, sizeof c.from);
  if (!launch.shuffling && !launch.judging) {
    land(*this, c, mask);
    return;
  }
  // In between the memory may hold anything.
  each(mask, [&](int l) { std::memset(shared() + to[l], 0xff, bytes); });
  if (launch.shuffling && (next() & 1) != 0) land(*this, c, mask);
  w.copies.push_back(c);
}

void Block::copiesWaited(Warp& w, uint32_t mask, uint32_t pending) {
  observeWait(w, pending);
  for (Copies& c : w.copies) {
    uint32_t lanes = 0;
    each(c.mask & mask, [&](int l) { lanes |= static_cast<uint32_t>(c.group[l] + pending < w.group[l]) << l; });
    land(*this, c, lanes);
    if (launch.judging) each(lanes, [&](int l) { judgeLanded(*this, w, l, c.to[l], c.bytes); });
    c.mask &= ~lanes;
  }
  std::erase_if(w.copies, [](const Copies& c) { return c.mask == 0; });
}

void Block::left(Warp& w) {
  if (launch.judging) judgeLeft(*this, w);
}

void Block::synchronized() { since = ++now; }
void Block::synchronized(Warp& w) { w.since = ++now; }

}  // namespace ptx
