// standin.h: what the stand-ins for cuDNN and cuBLASLt share: elements, the driver that a handle belongs to, jobs.
#pragma once
#include <dlfcn.h>
#include <link.h>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include "cuda_slice.h"
#include "half.h"

#define STANDIN_API extern "C" __attribute__((visibility("default")))

// By this symbol Catena knows a stand-in from the library itself, which needs a GPU.
STANDIN_API inline const int catenaStandIn __attribute__((used)) = 1;

namespace standin {

enum class Type { FLOAT, HALF, BFLOAT16 };

inline int bytesOf(Type type) { return type == Type::FLOAT ? 4 : 2; }

inline float load(const void* base, int64_t index, Type type) {
  if (type == Type::FLOAT) return static_cast<const float*>(base)[index];
  uint16_t bits = static_cast<const uint16_t*>(base)[index];
  return type == Type::HALF ? cuhost::halfToFloat(bits) : cuhost::bfloat16ToFloat(bits);
}

inline void store(void* base, int64_t index, Type type, float value) {
  if (type == Type::FLOAT) {
    static_cast<float*>(base)[index] = value;
  } else {
    static_cast<uint16_t*>(base)[index] =
        type == Type::HALF ? cuhost::floatToHalf(value) : cuhost::floatToBfloat16(value);
  }
}

// To TF32: 10 bits of mantissa, to nearest, ties away from zero.
inline float roundToTf32(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return (bits & 0x7f800000u) == 0x7f800000u ? value : std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

// A driver whose devices have their memory on the host: the one whose context is current.
struct Driver {
  CUresult (*contextGet)(CUcontext*);
  CUresult (*contextSet)(CUcontext);
  CUresult (*deviceCount)(int*);
  CUresult (*allocate)(CUdeviceptr*, size_t);
  CUresult (*release)(CUdeviceptr);
  CUresult (*isCapturing)(CUstream, int*);
  CUresult (*launchHost)(CUstream, CUhostFn, void*);
  CUresult (*copy)(CUdeviceptr, CUdeviceptr, size_t, CUstream);
  CUresult (*synchronize)(CUstream);
  CUcontext context = nullptr;

  // Null where no driver that is loaded has a current context.
  static std::unique_ptr<Driver> current() {
    std::vector<std::string> files;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* to) {
          std::string name = info->dlpi_name;
          if (name.find("libcuptx") != std::string::npos || name.find("libcuhost") != std::string::npos) {
            static_cast<std::vector<std::string>*>(to)->push_back(name);
          }
          return 0;
        },
        &files);
    std::unique_ptr<Driver> found;
    for (const std::string& file : files) {
      void* library = dlopen(file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
      auto driver = std::make_unique<Driver>();
      auto bind = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      };
      bind(driver->contextGet, "cuCtxGetCurrent");
      bind(driver->contextSet, "cuCtxSetCurrent");
      bind(driver->deviceCount, "cuDeviceGetCount");
      bind(driver->allocate, "cuMemAlloc_v2");
      bind(driver->release, "cuMemFree_v2");
      bind(driver->isCapturing, "cuStreamIsCapturing");
      bind(driver->launchHost, "cuLaunchHostFunc");
      bind(driver->copy, "cuMemcpyDtoDAsync_v2");
      bind(driver->synchronize, "cuStreamSynchronize");
      bool interprets = file.find("libcuptx") != std::string::npos;
      if (driver->contextGet(&driver->context) == CUDA_SUCCESS && driver->context && (!found || interprets)) {
        found = std::move(driver);
      }
    }
    return found;
  }

  // Runs `job` in the stream's order, each time that a graph captured from it runs. A captured job lives for ever, as
  // the graph that has it may.
  bool enqueue(CUstream stream, std::function<void()> job) {
    int capturing = 0;
    if (contextSet(context) != CUDA_SUCCESS || isCapturing(stream, &capturing) != CUDA_SUCCESS) return false;
    struct Call {
      std::function<void()> job;
      bool once;
    };
    auto* call = new Call{std::move(job), capturing == 0};
    auto run = [](void* data) {
      auto* call = static_cast<Call*>(data);
      call->job();
      if (call->once) delete call;
    };
    return launchHost(stream, run, call) == CUDA_SUCCESS;
  }

  // Tells the driver's judge, which does not see what a job does, that these rows are written: copies them to themselves.
  bool wrote(CUstream stream, void* first, int64_t rows, int64_t bytes, int64_t pitch) {
    if (bytes == pitch) bytes *= rows, rows = 1;
    bool copied = true;
    for (int64_t row = 0; row < rows; row++) {
      auto at = reinterpret_cast<CUdeviceptr>(first) + row * pitch;
      copied &= copy(at, at, bytes, stream) == CUDA_SUCCESS;
    }
    return copied;
  }

  bool captures(CUstream stream) {
    int capturing = 0;
    return isCapturing(stream, &capturing) == CUDA_SUCCESS && capturing != 0;
  }

  // Libraries take memory of their own when a handle is made, which no thread may during its capture.
  bool takesMemory() {
    CUdeviceptr memory = 0;
    return allocate(&memory, 256) == CUDA_SUCCESS && release(memory) == CUDA_SUCCESS;
  }
};

}  // namespace standin
