// api.h: the CUDA driver API as libcuhost compiles against it, and what every entry point checks first.
#pragma once
#pragma GCC visibility push(default)
#if defined(CUHOST_CUDA_H)
#include <cuda.h>
#undef cuDeviceGetUuid
#undef cuEventElapsedTime
#else
#include "cuda_slice.h"
#endif
#include <cstddef>
#include <cstdint>

extern "C" {
// Symbols that only libcuhost has. All may be called from any thread; README.md describes them.
CUresult cuhostSetThreads(int threads);
int cuhostGetThreads(void);
void cuhostSetMemoryLimit(size_t bytes);
void cuhostSetChecking(int on);
void cuhostSetSeed(uint64_t seed);
void cuhostInjectFault(const char* kernelOrNull, int launchesFromNow, int errorCode, int sticky);
void cuhostClearFaults(void);
const char* cuhostLastFault(void);
uint64_t cuhostLaunchCount(void);
}
// Old symbols that the toolkit's header no longer declares for everybody; JCuda still calls them.
extern "C" CUresult cuCtxCreate_v2(CUcontext* pctx, unsigned int flags, CUdevice dev);
extern "C" CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice dev);
extern "C" CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd);
#pragma GCC visibility pop

namespace cuhost {

// CUDA_ERROR_NOT_INITIALIZED, the sticky error of a lost context, or CUDA_SUCCESS.
CUresult alive();
// As alive(), and the calling thread must have a current context.
CUresult ready();
// The calling thread does what a capture in progress forbids (CU_STREAM_CAPTURE_MODE_*): ends that capture.
CUresult forbiddenInCapture();
CUcontext primaryContext();
bool isDeviceNumber(CUdevice device);
CUdevice currentDevice();  // of the primary context
// Ends the use of all handles and memory: the last release of the primary context.
void resetDevice();

}  // namespace cuhost

#define CUHOST_TRY(expression)                                             \
  do {                                                                     \
    if (CUresult status_ = (expression); status_ != CUDA_SUCCESS) return status_; \
  } while (0)
#define CUHOST_REQUIRE(condition) \
  do {                            \
    if (!(condition)) return CUDA_ERROR_INVALID_VALUE; \
  } while (0)
