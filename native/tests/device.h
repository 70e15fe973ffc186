// device.h: the device, buffers, streams and launches as the tests want them.
#pragma once
#include <fstream>
#include <iterator>
#include "check.h"

inline std::string modulePath;

inline CUmodule testModule() {
  static CUmodule module = [] {
    std::ifstream file(modulePath, std::ios::binary);
    std::string image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    CUmodule m = nullptr;
    OK(cuModuleLoadData(&m, image.data()));
    return m;
  }();
  return module;
}

inline CUfunction function(const char* name) {
  CUfunction f = nullptr;
  OK(cuModuleGetFunction(&f, testModule(), name));
  return f;
}

struct Stream {
  CUstream handle = nullptr;
  explicit Stream(unsigned flags = CU_STREAM_NON_BLOCKING) { OK(cuStreamCreate(&handle, flags)); }
  ~Stream() { cuStreamDestroy_v2(handle); }
  Stream(const Stream&) = delete;
  operator CUstream() const { return handle; }
};

template <class T>
struct Buffer {
  CUdeviceptr address = 0;
  size_t count;
  explicit Buffer(size_t count, T value = T()) : count(count) {
    OK(cuMemAlloc_v2(&address, count * sizeof(T)));
    set(std::vector<T>(count, value));
  }
  ~Buffer() { cuMemFree_v2(address); }
  Buffer(const Buffer&) = delete;
  void set(const std::vector<T>& values) { OK(cuMemcpyHtoD_v2(address, values.data(), values.size() * sizeof(T))); }
  std::vector<T> get() const {
    std::vector<T> values(count);
    OK(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)));
    return values;
  }
  operator CUdeviceptr() const { return address; }
};

struct Shape {
  unsigned grid, block, shared = 0;
};

// Device pointers as CUdeviceptr, everything else as the kernel has it.
template <class... A>
CUresult launch(const char* kernel, Shape shape, CUstream stream, A... arguments) {
  void* params[] = {static_cast<void*>(&arguments)..., nullptr};
  return cuLaunchKernel(function(kernel), shape.grid, 1, 1, shape.block, 1, 1, shape.shared, stream, params, nullptr);
}

// Launches, expects the loss of the context with a text that holds `why`, and revives the context.
template <class... A>
void expectFault(const char* why, const char* kernel, Shape shape, A... arguments) {
  Stream stream;
  OK(launch(kernel, shape, stream, arguments...));
  SAME(cuStreamSynchronize(stream), CUDA_ERROR_LAUNCH_FAILED);
  std::string text = cuhostLastFault();
  if (text.find(why) == text.npos) {
    ++failures;
    std::printf("  %s: the fault is '%s', not '%s'\n", kernel, text.c_str(), why);
  }
  size_t free, total;
  SAME(cuMemGetInfo_v2(&free, &total), CUDA_ERROR_LAUNCH_FAILED);  // sticky
  cuhostClearFaults();
}
