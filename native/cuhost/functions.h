// functions.h: loaded modules and their kernels.
#pragma once
#include <atomic>
#include "backend.h"
#include "handles.h"
#include "work.h"

namespace cuhost {

// Unloaded when the last launch of its kernels is over.
struct LoadedModule {
  std::unique_ptr<Image> image;
  std::vector<CUfunction> functions;  // handles given out
};

struct Function {
  std::shared_ptr<LoadedModule> module;
  const Entry* entry;
  std::atomic<int> maxDynamicShared;
};

Handles<CUmodule, LoadedModule, 1>& modules();
Handles<CUfunction, Function, 2>& functions();

// Registers that a warp of the kernel takes from the multiprocessor's file; 0 where they are not known.
size_t registersOfWarp(const Entry& entry);

// The kernel of a launch with its parameters copied; the error is the one that cuLaunchKernel returns.
CUresult makeKernel(CUfunction function, const uint32_t (&grid)[3], const uint32_t (&block)[3], uint32_t sharedBytes,
                    void** kernelParams, void** extra, Kernel& result);

}  // namespace cuhost
