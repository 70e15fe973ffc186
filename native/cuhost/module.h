// module.h: what a host kernel module (one .so per kernel file) and libcuhost.so say to each other.
// A module exports one symbol, `cuhost_module`; the driver calls `run` for ranges of blocks from its workers.
#pragma once
#include <cstddef>
#include <cstdint>

constexpr uint32_t CUHOST_MODULE_VERSION = 2;

// What a worker thread lends to the kernel that it runs.
struct CuhostWorker {
  int index;           // of this worker, 0 .. count-1
  int count;           // workers in the pool
  void* sharedMemory;  // dynamic shared memory of the launch, 64-byte aligned
  // The address of `count` stacks of `bytes` each, one after the other; they belong to the worker and are reused.
  void* (*stacks)(CuhostWorker*, size_t count, size_t bytes);
  char fault[512];     // filled when `run` does not return 0
};

struct CuhostLaunch {
  const char* kernel;
  uint32_t grid[3], block[3];
  uint32_t sharedBytes;
  uint32_t checking;   // NaN-filled shared memory, random interleaving by `seed`
  uint64_t seed;
  void* const* params;  // as cuLaunchKernel has them
};

enum CuhostKernelFlags : uint32_t {
  CUHOST_FIBERS = 1,  // one fiber a thread; without it the threads of a block are a loop
};

// A field of a kernel's parameter struct.
struct CuhostField {
  const char* name;  // nameBytes of it
  uint32_t nameBytes;
  const char* type;  // address, int, long, float or double; null for a struct of `members`
  uint32_t offset;
  const CuhostField* members;
  uint32_t memberCount;
};

struct CuhostKernel {
  const char* name;
  // Runs the blocks [first, last) of the grid, x fastest. 0, or 1 with worker->fault filled.
  int (*run)(const CuhostLaunch*, CuhostWorker*, uint64_t first, uint64_t last);
  uint32_t flags;
  uint32_t paramCount;
  const uint32_t* paramSizes;
  const uint32_t* paramOffsets;  // within CU_LAUNCH_PARAM_BUFFER_POINTER
  const CuhostField* fields;     // of the parameter struct; null where the parameters are no struct
  uint32_t fieldCount;
};

struct CuhostModule {
  uint32_t version;
  const CuhostKernel* const* begin;
  const CuhostKernel* const* end;
};
