#include <cstring>
#include "functions.h"
#include "streams.h"

namespace cuhost {
namespace {

// The parameters from CU_LAUNCH_PARAM_BUFFER_POINTER; null when the buffer is too short or missing.
const char* parameterBuffer(size_t wanted, void** extra) {
  const char* buffer = nullptr;
  size_t bytes = 0;
  for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
    if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = static_cast<const char*>(extra[1]);
    if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *static_cast<const size_t*>(extra[1]);
  }
  return bytes >= wanted ? buffer : nullptr;
}

}  // namespace

CUresult makeKernel(CUfunction handle, const uint32_t (&grid)[3], const uint32_t (&block)[3], uint32_t sharedBytes,
                    void** kernelParams, void** extra, Kernel& result) {
  std::shared_ptr<Function> function = functions().find(handle);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  for (int i = 0; i < 3; ++i) CUHOST_REQUIRE(grid[i] > 0 && block[i] > 0);
  CUHOST_REQUIRE(grid[0] <= 0x7fffffffu && grid[1] <= 65535 && grid[2] <= 65535 && block[2] <= 64);
  CUHOST_REQUIRE(block[0] <= MAX_THREADS && block[1] <= MAX_THREADS && block[0] * block[1] * block[2] <= MAX_THREADS);
  const Entry& entry = *function->entry;
  const uint32_t threads = block[0] * block[1] * block[2];
  CUHOST_REQUIRE(threads <= static_cast<uint32_t>(entry.maxThreads));
  CUHOST_REQUIRE(sharedBytes <= static_cast<uint32_t>(function->maxDynamicShared));
  if ((threads + 31) / 32 * registersOfWarp(entry) > REGISTER_FILE) return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  const size_t n = entry.paramSizes.size(), bytes = n == 0 ? 0 : entry.paramOffsets[n - 1] + entry.paramSizes[n - 1];
  const char* buffer = nullptr;
  if (kernelParams == nullptr && n > 0) {
    CUHOST_REQUIRE(extra != nullptr);
    buffer = parameterBuffer(bytes, extra);
    CUHOST_REQUIRE(buffer != nullptr);
  }
  // Offsets keep the alignment that a parameter has on the device.
  result.values.resize(bytes);
  result.params.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const void* from = buffer != nullptr ? buffer + entry.paramOffsets[i] : kernelParams[i];
    CUHOST_REQUIRE(from != nullptr);
    result.params[i] = result.values.data() + entry.paramOffsets[i];
    std::memcpy(result.params[i], from, entry.paramSizes[i]);
  }
  std::copy(grid, grid + 3, result.grid);
  std::copy(block, block + 3, result.block);
  result.sharedBytes = sharedBytes;
  result.function = std::move(function);
  return CUDA_SUCCESS;
}

}  // namespace cuhost

using namespace cuhost;

extern "C" CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
                                   unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ,
                                   unsigned int sharedMemBytes, CUstream hStream, void** kernelParams, void** extra) {
  CUHOST_TRY(ready());
  Kernel kernel;
  CUHOST_TRY(makeKernel(f, {gridDimX, gridDimY, gridDimZ}, {blockDimX, blockDimY, blockDimZ}, sharedMemBytes,
                        kernelParams, extra, kernel));
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  InjectedFault fault;
  if (!stream->capturing) fault = nextLaunch(kernel.function->entry->name.c_str());
  if (fault.code != CUDA_SUCCESS && !fault.sticky) return fault.code;
  return issue(hStream, {std::move(kernel)}, fault);
}
