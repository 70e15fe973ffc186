// functions.h: loaded modules and their kernels.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include "handles.h"
#include "work.h"

namespace cuhost {

constexpr int MAX_THREADS = 1024, DEFAULT_SHARED = 48 << 10, MAX_SHARED = 227 << 10;
// A kernel without barriers may be host code that works in a worker's scratch as large as caches are.
constexpr int MAX_SCRATCH = 64 << 20;

// A shared object in memory; unloaded when the last launch of its kernels is over.
struct LoadedModule {
  int file = -1;
  void* library = nullptr;
  const CuhostModule* table = nullptr;
  std::vector<CUfunction> functions;  // handles given out
  ~LoadedModule();
};

struct Function {
  std::shared_ptr<LoadedModule> module;
  const CuhostKernel* entry;
  std::atomic<int> maxDynamicShared{DEFAULT_SHARED};
};

Handles<CUmodule, LoadedModule, 1>& modules();
Handles<CUfunction, Function, 2>& functions();

// The kernel of a launch with its parameters copied; the error is the one that cuLaunchKernel returns.
CUresult makeKernel(CUfunction function, const uint32_t (&grid)[3], const uint32_t (&block)[3], uint32_t sharedBytes,
                    void** kernelParams, void** extra, Kernel& result);

}  // namespace cuhost
