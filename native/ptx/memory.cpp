// memory.cpp: loads, stores, atomics, asynchronous copies.
#include <mutex>
#include "lanes.h"
#include "numbers.h"

namespace ptx {
namespace {

// Where the active lanes' addresses lead, checked; `bytes` each.
void resolve(Warp& w, const Instruction& i, Access kind, uint32_t mask, uint32_t operand, uint32_t bytes, uint8_t* (&at)[LANES]) {
  alignas(64) uint64_t address[LANES];
  alignas(64) uint32_t offset[LANES];
  uint32_t toShared = 0;
  if (i.space == Space::SHARED) {
    const uint32_t* base = w.at<uint32_t>(operand);
    for (int l = 0; l < LANES; ++l) offset[l] = base[l] + static_cast<uint32_t>(i.immediate);
    toShared = mask;
  } else {
    const uint64_t* base = w.at<uint64_t>(operand);
    for (int l = 0; l < LANES; ++l) address[l] = base[l] + static_cast<uint64_t>(i.immediate);
    for (int l = 0; l < LANES; ++l) at[l] = reinterpret_cast<uint8_t*>(address[l]);
    if (i.space == Space::GENERIC) {
      each(mask, [&](int l) {
        if (address[l] - SHARED_WINDOW >= 1u << 24) return;
        toShared |= 1u << l;
        offset[l] = static_cast<uint32_t>(address[l] - SHARED_WINDOW);
      });
    }
    if (toShared != mask) w.block->global(w, i, kind, mask & ~toShared, address, bytes);
  }
  if (toShared != 0) {
    w.block->sharedMemory(w, i, kind, toShared, offset, bytes);
    uint8_t* shared = w.block->shared();
    each(toShared, [&](int l) { at[l] = shared + offset[l]; });
  }
}

// N values of type T, extended to registers of type R.
template <class T, class R, int N>
void load(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  alignas(64) uint8_t* from[LANES];
  resolve(w, i, Access::LOAD, mask, o[N], N * sizeof(T), from);
  R* to[N];
  for (int n = 0; n < N; ++n) to[n] = w.at<R>(o[n]);
  each(mask, [&](int l) {
    T v[N];
    std::memcpy(v, from[l], sizeof v);
    for (int n = 0; n < N; ++n) to[n][l] = static_cast<R>(v[n]);
  });
}

template <class T, class R, int N>
void store(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  alignas(64) uint8_t* to[LANES];
  resolve(w, i, Access::STORE, mask, o[0], N * sizeof(T), to);
  const R* from[N];
  for (int n = 0; n < N; ++n) from[n] = w.at<R>(o[1 + n]);
  each(mask, [&](int l) {
    T v[N];
    for (int n = 0; n < N; ++n) v[n] = static_cast<T>(from[n][l]);
    std::memcpy(to[l], v, sizeof v);
  });
}

// A parameter: the address is an offset among the parameters, nearly always the same for all lanes.
template <class T, class R, int N>
void loadParameter(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  const uint64_t* base = w.at<uint64_t>(o[N]);
  const Launch& launch = w.block->launch;
  each(mask, [&](int l) {
    uint64_t at = base[l] + static_cast<uint64_t>(i.immediate);
    if (at % (N * sizeof(T)) != 0 && at % 16 != 0) w.block->fault(FaultKind::MISALIGNED, w, l, i, "a parameter is read at a misaligned offset");
    if (at > launch.paramBytes || launch.paramBytes - at < N * sizeof(T)) {
      w.block->fault(FaultKind::ILLEGAL_ADDRESS, w, l, i, "no parameter at offset " + std::to_string(at));
    }
    T v[N];
    std::memcpy(v, launch.params + at, sizeof v);
    for (int n = 0; n < N; ++n) w.at<R>(o[n])[l] = static_cast<R>(v[n]);
  });
}

// The handlers of a template for registers of 16, 32 and 64 bits; null where a register is narrower than the type.
template <class T, template <class> class H>
void handlers(Opcode& o) {
  if constexpr (sizeof(T) <= 2) o.run[0] = H<uint16_t>::run;
  if constexpr (sizeof(T) <= 4) o.run[1] = H<uint32_t>::run;
  o.run[2] = H<uint64_t>::run;
}

template <class T, int N>
struct Accesses {
  template <class R> struct Load { static constexpr Handler run = load<T, R, N>; };
  template <class R> struct Store { static constexpr Handler run = store<T, R, N>; };
  template <class R> struct Parameter { static constexpr Handler run = loadParameter<T, R, N>; };

  static void add(Opcodes& t, const std::string& type) {
    const std::string count = N == 1 ? "" : std::to_string(N), vector = N == 1 ? "" : "v" + count + ".";
    for (const char* how : {"", "volatile.", "weak.", "relaxed.cta.", "relaxed.gpu.", "relaxed.sys."}) {
      for (const auto& [name, space] : {std::pair{"", Space::GENERIC}, {"global.", Space::GLOBAL}, {"shared.", Space::SHARED}}) {
        const std::string letter = space == Space::SHARED ? "A" : "G", full = std::string(how) + name + vector + type;
        const Class kind = space == Space::SHARED ? Class::SHARED : Class::GLOBAL;
        handlers<T, Load>(set(t.add("ld." + full, "*" + count + ":" + letter, kind, nullptr), space));
        if constexpr (std::is_unsigned_v<T>) handlers<T, Store>(set(t.add("st." + full, ":" + letter + "*" + count, kind, nullptr), space));
      }
    }
    for (const char* cache : {"global.nc.", "global.ca.", "global.cg.", "global.cs."}) {
      handlers<T, Load>(set(t.add("ld." + std::string(cache) + vector + type, "*" + count + ":G", Class::GLOBAL, nullptr), Space::GLOBAL));
    }
    handlers<T, Parameter>(t.add("ld.param." + vector + type, "*" + count + ":P", Class::MOVE, nullptr));
  }
  static Opcode& set(Opcode& o, Space space) {
    o.space = space;
    return o;
  }
};

template <class T>
void addType(Opcodes& t, std::initializer_list<const char*> types) {
  for (const char* type : types) {
    Accesses<T, 1>::add(t, type);
    Accesses<T, 2>::add(t, type);
    if constexpr (sizeof(T) <= 4) Accesses<T, 4>::add(t, type);
  }
}

// ---- atomics --------------------------------------------------------------------------------------------------------

// One lane after the other; other workers are kept out by a lock.
std::mutex& atomics = *new std::mutex;

template <class T, bool RETURNS, class F>
void atomic(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i) + (RETURNS ? 1 : 0);
  const T *b = w.at<T>(o[1]), *c = i.operandCount > 2u + (RETURNS ? 1 : 0) ? w.at<T>(o[2]) : b;
  alignas(64) T before[LANES] = {};
  alignas(64) uint8_t* at[LANES];
  resolve(w, i, Access::ATOMIC, mask, o[0], sizeof(T), at);
  std::lock_guard lock(atomics);
  each(mask, [&](int l) {
    T old;
    std::memcpy(&old, at[l], sizeof old);
    T now = F{}(old, b[l], c[l]);
    std::memcpy(at[l], &now, sizeof now);
    before[l] = old;
  });
  if (RETURNS) write(w.at<T>(w.operandsOf(i)[0]), before, mask);
}

template <class T, class F>
void addAtomic(Opcodes& t, const std::string& operation, F, int operands = 1) {
  const std::string in(operands, letterOf<T>());
  for (const char* how : {"", "relaxed.gpu.", "relaxed.cta.", "acq_rel.gpu."}) {
    const std::string h = how;
    for (const auto& [name, space] : {std::pair{"", Space::GENERIC}, {"global.", Space::GLOBAL}, {"shared.", Space::SHARED}}) {
      const std::string full = h + name + operation, address = space == Space::SHARED ? "A" : "G";
      const Class kind = space == Space::SHARED ? Class::SHARED : Class::GLOBAL;
      t.add("atom." + full, std::string{letterOf<T>()} + ":" + address + in, kind, atomic<T, true, F>).space = space;
      t.add("red." + full, ":" + address + in, kind, atomic<T, false, F>).space = space;
    }
  }
}

template <class U>
void addBitAtomics(Opcodes& t, const std::string& type) {
  addAtomic<U>(t, "and." + type, [](U x, U y, U) { return x & y; });
  addAtomic<U>(t, "or." + type, [](U x, U y, U) { return x | y; });
  addAtomic<U>(t, "xor." + type, [](U x, U y, U) { return x ^ y; });
  addAtomic<U>(t, "exch." + type, [](U, U y, U) { return y; });
  addAtomic<U>(t, "cas." + type, [](U x, U y, U z) { return x == y ? z : x; }, 2);
}
template <class T>
void addNumberAtomics(Opcodes& t, const std::string& type) {
  addAtomic<T>(t, "add." + type, [](T x, T y, T) { return static_cast<T>(static_cast<std::make_unsigned_t<T>>(x) + static_cast<std::make_unsigned_t<T>>(y)); });
  addAtomic<T>(t, "min." + type, [](T x, T y, T) { return x < y ? x : y; });
  addAtomic<T>(t, "max." + type, [](T x, T y, T) { return x > y ? x : y; });
}

// ---- asynchronous copies --------------------------------------------------------------------------------------------

// BYTES to shared memory; behind what is read there are zeros.
template <int BYTES>
void copy(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  const uint32_t* size = w.at<uint32_t>(o[2]);
  alignas(64) uint32_t to[LANES], read[LANES];
  alignas(64) uint64_t from[LANES];
  std::memcpy(to, w.at<uint32_t>(o[0]), sizeof to);
  std::memcpy(from, w.at<uint64_t>(o[1]), sizeof from);
  for (int l = 0; l < LANES; ++l) read[l] = BYTES;
  if (o[3] != NONE) std::memcpy(read, w.at<uint32_t>(o[3]), sizeof read);
  each(mask, [&](int l) {
    if (size[l] != BYTES || read[l] > BYTES) w.block->fault(FaultKind::ILLEGAL_INSTRUCTION, w, l, i, "cp.async of a wrong size");
  });
  w.block->copiesIssued(w, i, mask, to, from, BYTES, read);
}
void commit(Warp& w, const Instruction&, uint32_t mask) {
  each(mask, [&](int l) { ++w.group[l]; });
}
void waitGroup(Warp& w, const Instruction& i, uint32_t mask) { w.block->copiesWaited(w, mask, static_cast<uint32_t>(i.immediate)); }
void waitAll(Warp& w, const Instruction& i, uint32_t mask) {
  commit(w, i, mask);
  w.block->copiesWaited(w, mask, 0);
}

void nothing(Warp&, const Instruction&, uint32_t) {}

}  // namespace

void addMemory(Opcodes& t) {
  addType<uint8_t>(t, {"b8", "u8"}), addType<int8_t>(t, {"s8"});
  addType<uint16_t>(t, {"b16", "u16", "f16"}), addType<int16_t>(t, {"s16"});
  addType<uint32_t>(t, {"b32", "u32", "f32"}), addType<int32_t>(t, {"s32"});
  addType<uint64_t>(t, {"b64", "u64", "f64", "s64"});
  addBitAtomics<uint32_t>(t, "b32"), addBitAtomics<uint64_t>(t, "b64");
  addNumberAtomics<uint32_t>(t, "u32"), addNumberAtomics<int32_t>(t, "s32");
  addNumberAtomics<uint64_t>(t, "u64"), addNumberAtomics<int64_t>(t, "s64");
  addAtomic<float>(t, "add.f32", [](float x, float y, float) { return x + y; });
  addAtomic<double>(t, "add.f64", [](double x, double y, double) { return x + y; });
  addAtomic<uint32_t>(t, "inc.u32", [](uint32_t x, uint32_t y, uint32_t) { return x >= y ? 0 : x + 1; });
  addAtomic<uint32_t>(t, "dec.u32", [](uint32_t x, uint32_t y, uint32_t) { return x == 0 || x > y ? y : x - 1; });
  for (const char* to : {"shared.global", "shared::cta.global"}) {
    const std::string name = to;
    for (const char* hint : {"", ".L2::64B", ".L2::128B", ".L2::256B"}) {
      t.add("cp.async.cg." + name + hint, ":AGw?w", Class::GLOBAL, copy<16>).since = 80;
      t.add("cp.async.ca." + name + hint, ":AGw?w", Class::GLOBAL, copy<16>).since = 80;
      t.add("cp.async.ca." + name + hint + " 8", ":AGw?w", Class::GLOBAL, copy<8>).since = 80;
      t.add("cp.async.ca." + name + hint + " 4", ":AGw?w", Class::GLOBAL, copy<4>).since = 80;
    }
  }
  t.add("cp.async.commit_group", ":", Class::GLOBAL, commit).since = 80;
  t.add("cp.async.wait_group", ":n", Class::GLOBAL, waitGroup).since = 80;
  t.add("cp.async.wait_all", ":", Class::GLOBAL, waitAll).since = 80;
  t.add("prefetch.global.L1", ":G", Class::GLOBAL, nothing), t.add("prefetch.global.L2", ":G", Class::GLOBAL, nothing);
}

}  // namespace ptx
