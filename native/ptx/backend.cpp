// backend.cpp: the backend of libcuptx.so: an image is PTX text, a device a compute capability.
#include "backend.h"
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include "controls.h"
#include "counting.h"
#include "faults.h"
#include "judge.h"
#include "warp.h"
#include "work.h"

namespace cuhost {
namespace {

// What differs between them, of one product each.
struct Capability {
  int number, multiprocessors, threads, mostShared, shared;  // of a multiprocessor; shared memory of a block and of all
  int cache;
};
constexpr Capability CAPABILITIES[] = {
    {75, 40, 1024, 64 << 10, 64 << 10, 4 << 20},       // T4
    {80, 108, 2048, 163 << 10, 164 << 10, 40 << 20},   // A100
    {90, 132, 2048, 227 << 10, 228 << 10, 50 << 20},   // H200
    {100, 148, 2048, 227 << 10, 228 << 10, 126 << 20}, // B200
    {120, 170, 1536, 99 << 10, 100 << 10, 96 << 20},   // RTX 5090
};

std::mutex& mutex = *new std::mutex;  // of all that follows
int device = 0;                       // in use
std::map<uintptr_t, ptx::Range>& memory = *new std::map<uintptr_t, ptx::Range>;
std::map<std::string, uint32_t, std::less<>>& registerCounts = *new std::map<std::string, uint32_t, std::less<>>;  // "sm_90 kernel"

std::atomic<bool> judge{[] {
  const char* text = std::getenv("CUPTX_JUDGE");
  return text == nullptr || std::string(text) != "0";
}()};
uint64_t forgotten = 0;  // the round of launches that the judge tells apart

std::vector<ptx::Range> allMemory(uint64_t serial) {
  std::lock_guard lock(mutex);
  if (serial / ptx::TAGS > forgotten) {
    forgotten = serial / ptx::TAGS;
    for (const auto& [begin, range] : memory) ptx::forgetLaunches(range);
  }
  std::vector<ptx::Range> ranges;
  ranges.reserve(memory.size());
  for (const auto& [begin, range] : memory) ranges.push_back(range);
  return ranges;
}

int capability() {
  std::lock_guard lock(mutex);
  return CAPABILITIES[device].number;
}

void markMemory(uintptr_t begin, size_t bytes, bool written) {
  std::lock_guard lock(mutex);
  auto after = memory.upper_bound(begin);
  if (after == memory.begin()) return;
  const ptx::Range& range = std::prev(after)->second;
  if (begin < range.end && bytes <= range.end - begin) ptx::mark(range, begin, bytes, written);
}

struct PtxEntry : Entry {
  explicit PtxEntry(const ptx::Program& program) : program(program) {
    name = program.name;
    paramSizes = program.paramSizes;
    paramOffsets = program.paramOffsets;
    maxThreads = static_cast<int>(std::min<uint32_t>(program.maxThreads, MAX_THREADS));
    staticShared = static_cast<int>(program.staticShared);
    std::lock_guard lock(mutex);
    mostShared = CAPABILITIES[device].mostShared;
    auto known = registerCounts.find("sm_" + std::to_string(CAPABILITIES[device].number) + " " + name);
    registers = known == registerCounts.end() ? 0 : static_cast<int>(known->second);
  }

  void run(const Kernel& k, Worker&, uint64_t serial, uint64_t first, uint64_t last) const override {
    static thread_local ptx::Machine machine;
    ptx::Launch launch{{k.grid[0], k.grid[1], k.grid[2]},
                       {k.block[0], k.block[1], k.block[2]},
                       k.sharedBytes,
                       k.values.data(),
                       k.values.size(),
                       allMemory(serial),
                       ptx::tagOf(serial)};
    const bool counting = ptx::counting();
    launch.judging = judge && !counting;
    launch.shuffling = checking() && !counting;
    launch.seed = seed() + serial;
    try {
      if (!counting) {
        ptx::execute(machine, program, launch, first, last);
      } else if (first == 0) {  // one worker runs the sample, the others nothing
        ptx::count(machine, program, launch);
      }
    } catch (const ptx::Fault& fault) {
      lose(codeOf(fault.kind), fault.why);
    }
  }

  static CUresult codeOf(ptx::FaultKind kind) {
    switch (kind) {
      case ptx::FaultKind::MISALIGNED: return CUDA_ERROR_MISALIGNED_ADDRESS;
      case ptx::FaultKind::ILLEGAL_ADDRESS: return CUDA_ERROR_ILLEGAL_ADDRESS;
      case ptx::FaultKind::ILLEGAL_INSTRUCTION: return CUDA_ERROR_ILLEGAL_INSTRUCTION;
      case ptx::FaultKind::FAILED: return CUDA_ERROR_LAUNCH_FAILED;
    }
    return CUDA_ERROR_LAUNCH_FAILED;
  }

  const ptx::Program& program;
};

struct PtxImage : Image {
  std::unique_ptr<ptx::Module> module;
  ~PtxImage() override {
    entries.clear();
    if (module != nullptr) ptx::forget(*module);
  }
};

}  // namespace

CUresult loadImage(const void* image, std::unique_ptr<Image>& result, std::string& why) {
  const char* text = static_cast<const char*>(image);
  if (text[0] == '\x7f') {
    why = "cuptx interprets PTX text; this image is an ELF file";
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  auto loaded = std::make_unique<PtxImage>();
  ptx::Refusal refusal = ptx::Refusal::NONE;
  loaded->module = ptx::parse(text, capability(), why, refusal);
  switch (refusal) {
    case ptx::Refusal::NONE: break;
    case ptx::Refusal::SYNTAX: return CUDA_ERROR_INVALID_PTX;
    case ptx::Refusal::VERSION: return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    case ptx::Refusal::TARGET: return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  for (const auto& program : loaded->module->programs) loaded->entries.push_back(std::make_unique<PtxEntry>(*program));
  result = std::move(loaded);
  return CUDA_SUCCESS;
}

int deviceCount() { return static_cast<int>(std::size(CAPABILITIES)); }

std::string deviceName(CUdevice d) {
  int number = CAPABILITIES[d].number;
  return "PTX interpreter, compute capability " + std::to_string(number / 10) + "." + std::to_string(number % 10);
}

int deviceAttribute(CUdevice d, CUdevice_attribute attribute) {
  const Capability& c = CAPABILITIES[d];
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return c.number / 10;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return c.number % 10;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return c.mostShared;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return c.shared;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return c.threads;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return c.multiprocessors;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return c.cache;
    default: return 0;
  }
}

void deviceOpened(CUdevice opened) {
  std::lock_guard lock(mutex);
  device = opened;
}

void memoryAllocated(uintptr_t begin, size_t bytes) {
  std::lock_guard lock(mutex);
  memory[begin] = {begin, begin + bytes, judge ? ptx::newShadow(bytes) : ptx::Shadow{}};
}

void memoryWritten(uintptr_t begin, size_t bytes) { markMemory(begin, bytes, true); }

void memoryFreed(uintptr_t begin) {
  std::lock_guard lock(mutex);
  auto found = memory.find(begin);
  if (found == memory.end()) return;
  ptx::freeShadow(found->second.shadow, found->second.end - begin);
  memory.erase(found);
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

void cuptxSetJudge(int on) { judge = on != 0; }

const char* cuptxTakeFinding(void) {
  static thread_local std::string text;
  return ptx::takeFinding(text) ? text.c_str() : nullptr;
}

void cuptxForget(CUdeviceptr address, size_t bytes) { markMemory(address, bytes, false); }

// == .../sm_90/conv1x1
// Compiling entry function 'conv1x1_f32' for 'sm_90'
// Used 128 registers, ...
void cuptxSetRegisters(const char* report) {
  std::lock_guard lock(mutex);
  std::istringstream in(report);
  std::string key;
  for (std::string line; std::getline(in, line);) {
    char kernel[256], target[32];
    unsigned count;
    if (std::sscanf(line.c_str(), "Compiling entry function '%255[^']' for '%31[^']'", kernel, target) == 2) {
      std::string arch = target;
      if (arch.ends_with('a')) arch.pop_back();
      key = arch + " " + kernel;
    } else if (std::sscanf(line.c_str(), "Used %u registers", &count) == 1) {
      registerCounts[key] = count;
    }
  }
}

}  // extern "C"
