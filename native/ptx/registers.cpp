#include "registers.h"
#include <algorithm>
#include <map>

namespace ptx {
namespace {

struct Set {
  std::vector<uint64_t> words;
  explicit Set(size_t size = 0) : words((size + 63) / 64) {}
  bool has(size_t i) const { return (words[i / 64] >> (i % 64) & 1) != 0; }
  void add(size_t i) { words[i / 64] |= 1ull << (i % 64); }
};

struct Span {
  size_t begin, end;            // instructions [begin, end)
  std::vector<size_t> next;     // spans
  Set used, defined, in, out;   // used before defined
};

struct Interval {
  uint32_t begin = NONE, end = 0;
  void include(size_t at) {
    begin = std::min(begin, static_cast<uint32_t>(at));
    end = std::max(end, static_cast<uint32_t>(at));
  }
};

bool branches(const Instruction& i) { return i.flow == Flow::BRANCH || i.flow == Flow::UNIFORM_BRANCH; }

// f(register, whether it is written, whether what it held is lost).
template <class F>
void eachRegister(const Program& p, const std::vector<uint8_t>& outputs, size_t at, F f) {
  const Instruction& i = p.code[at];
  if (i.predicate != NONE) f(i.predicate, false, false);
  for (size_t n = outputs[at]; n < i.operandCount; ++n) {
    uint32_t o = p.operands[i.operands + n];
    if ((o & UNIFORM) == 0) f(o, false, false);
  }
  for (size_t n = 0; n < outputs[at]; ++n) {
    uint32_t o = p.operands[i.operands + n];
    if (o != NONE) f(o, true, i.predicate == NONE);
  }
}

std::vector<Span> spansOf(const Program& p, const std::vector<uint8_t>& outputs, size_t registers) {
  std::vector<bool> begins(p.code.size() + 1);
  begins[0] = true;
  for (size_t at = 0; at < p.code.size(); ++at) {
    if (branches(p.code[at])) begins[p.code[at].target] = true;
    if (branches(p.code[at]) || p.code[at].flow == Flow::EXIT) begins[at + 1] = true;
  }
  std::vector<Span> spans;
  std::vector<size_t> spanAt(p.code.size() + 1);
  for (size_t at = 0; at < p.code.size(); ++at) {
    if (begins[at]) spans.push_back({at, at, {}, Set(registers), Set(registers), Set(registers), Set(registers)});
    spanAt[at] = spans.size() - 1;
    Span& s = spans.back();
    s.end = at + 1;
    eachRegister(p, outputs, at, [&](uint32_t r, bool written, bool lost) {
      if (!written || !lost) {
        if (!s.defined.has(r)) s.used.add(r);
      }
      if (written && lost) s.defined.add(r);
    });
  }
  for (size_t n = 0; n < spans.size(); ++n) {
    const Instruction& last = p.code[spans[n].end - 1];
    bool always = last.predicate == NONE;
    if (branches(last) && last.target < p.code.size()) spans[n].next.push_back(spanAt[last.target]);
    if (!((branches(last) || last.flow == Flow::EXIT) && always) && n + 1 < spans.size()) spans[n].next.push_back(n + 1);
  }
  return spans;
}

// What is alive where each span begins and ends.
void solve(std::vector<Span>& spans) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t n = spans.size(); n-- > 0;) {
      Span& s = spans[n];
      for (size_t w = 0; w < s.in.words.size(); ++w) {
        uint64_t out = 0;
        for (size_t next : s.next) out |= spans[next].in.words[w];
        uint64_t in = s.used.words[w] | (out & ~s.defined.words[w]);
        changed |= in != s.in.words[w];
        s.out.words[w] = out;
        s.in.words[w] = in;
      }
    }
  }
}

uint32_t bytesOf(uint8_t width) { return width == 1 ? 4 : LANES * width / 8; }

}  // namespace

void allotRegisters(Program& p, const std::vector<uint8_t>& widths, const std::vector<uint8_t>& outputs) {
  std::vector<Span> spans = spansOf(p, outputs, widths.size());
  solve(spans);
  std::vector<Interval> intervals(widths.size());
  for (const Span& s : spans) {
    for (size_t w = 0; w < s.in.words.size(); ++w) {
      for (uint64_t set = s.in.words[w]; set != 0; set &= set - 1) intervals[64 * w + __builtin_ctzll(set)].include(s.begin);
      for (uint64_t set = s.out.words[w]; set != 0; set &= set - 1) intervals[64 * w + __builtin_ctzll(set)].include(s.end);
    }
    for (size_t at = s.begin; at < s.end; ++at) {
      eachRegister(p, outputs, at, [&](uint32_t r, bool, bool) { intervals[r].include(at); });
    }
  }
  // Special registers are set before the first instruction.
  for (size_t n = 1; n < p.specials.size(); n += 2) intervals[p.specials[n]] = {0, static_cast<uint32_t>(p.code.size())};

  std::vector<uint32_t> order;
  for (uint32_t r = 0; r < widths.size(); ++r) {
    if (intervals[r].begin != NONE) order.push_back(r);
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return intervals[a].begin < intervals[b].begin; });
  std::vector<uint32_t> offsets(widths.size(), 0);
  std::multimap<uint32_t, uint32_t> alive;  // by end
  std::map<uint32_t, std::vector<uint32_t>> free;  // places by size
  uint32_t top = 0;
  for (uint32_t r : order) {
    while (!alive.empty() && alive.begin()->first < intervals[r].begin) {
      uint32_t over = alive.begin()->second;
      free[bytesOf(widths[over])].push_back(offsets[over]);
      alive.erase(alive.begin());
    }
    uint32_t bytes = bytesOf(widths[r]);
    auto& places = free[bytes];
    if (places.empty()) {
      top = (top + std::min<uint32_t>(bytes, 64) - 1) / std::min<uint32_t>(bytes, 64) * std::min<uint32_t>(bytes, 64);
      offsets[r] = top;
      top += bytes;
    } else {
      offsets[r] = places.back();
      places.pop_back();
    }
    alive.emplace(intervals[r].end, r);
  }
  for (size_t at = 0; at < p.code.size(); ++at) {
    Instruction& i = p.code[at];
    if (i.predicate != NONE) i.predicate = offsets[i.predicate];
    for (size_t n = 0; n < i.operandCount; ++n) {
      uint32_t& o = p.operands[i.operands + n];
      if ((o & UNIFORM) == 0) o = offsets[o];
    }
  }
  for (size_t n = 1; n < p.specials.size(); n += 2) p.specials[n] = offsets[p.specials[n]];
  p.registerBytes = (top + 63) / 64 * 64;
}

}  // namespace ptx
