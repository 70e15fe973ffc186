#include <dlfcn.h>
#include <cstdio>
#include <cstring>
#include "functions.h"
#include "graphs.h"
#include "memory.h"
#include "workers.h"

namespace cuhost {
namespace {

struct Context {
  bool primary;
  CUdevice device;
};

Handles<CUcontext, Context, 6>& contexts() {
  static auto& table = *new Handles<CUcontext, Context, 6>;
  return table;
}

std::atomic<bool> initialized{false};
std::mutex primaryMutex;
CUcontext primary = nullptr;  // kept while retained
CUdevice primaryDevice = 0;
int retained = 0;
thread_local std::vector<CUcontext> current;

CUcontext top() { return current.empty() ? nullptr : current.back(); }

}  // namespace

void clearEvents();

CUresult alive() {
  if (!initialized.load(std::memory_order_relaxed)) return CUDA_ERROR_NOT_INITIALIZED;
  return lost();
}

CUresult ready() {
  CUHOST_TRY(alive());
  CUcontext context = top();
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return contexts().find(context) == nullptr ? CUDA_ERROR_CONTEXT_IS_DESTROYED : CUDA_SUCCESS;
}

CUcontext primaryContext() {
  std::lock_guard lock(primaryMutex);
  return primary;
}

bool isDeviceNumber(CUdevice device) { return device >= 0 && device < deviceCount(); }

CUdevice currentDevice() {
  std::lock_guard lock(primaryMutex);
  return primaryDevice;
}

void resetDevice() {
  synchronizeAll(false);
  clearGraphs();
  streams().clear();
  clearEvents();
  functions().clear();
  modules().clear();
  freeAllMemory();
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

CUresult cuInit(unsigned int Flags) {
  CUHOST_REQUIRE(Flags == 0);
  initialized = true;
  return lost();
}

CUresult cuDriverGetVersion(int* driverVersion) {
  CUHOST_REQUIRE(driverVersion != nullptr);
  *driverVersion = 13000;
  return CUDA_SUCCESS;
}

CUresult cuhostSetThreads(int threads) {
  CUHOST_REQUIRE(threads >= 1 && threads <= 1024);
  Pool::get().resize(threads);
  return CUDA_SUCCESS;
}
int cuhostGetThreads(void) { return Pool::get().threads(); }

CUresult cuDeviceGetCount(int* count) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(count != nullptr);
  *count = deviceCount();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(device != nullptr);
  if (!isDeviceNumber(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

#define CUHOST_DEVICE(dev, pointer)               \
  CUHOST_TRY(alive());                            \
  CUHOST_REQUIRE((pointer) != nullptr);           \
  if (!isDeviceNumber(dev)) return CUDA_ERROR_INVALID_DEVICE

CUresult cuDeviceGetName(char* name, int len, CUdevice dev) {
  CUHOST_DEVICE(dev, name);
  CUHOST_REQUIRE(len > 0);
  std::snprintf(name, static_cast<size_t>(len), "%s", deviceName(dev).c_str());
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice dev) {
  CUHOST_DEVICE(dev, uuid);
  std::memcpy(uuid->bytes, "cuhost\0\0\0\0\0\0\0\0\0\0", 16);
  uuid->bytes[15] = static_cast<char>(dev);
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice dev) { return cuDeviceGetUuid_v2(uuid, dev); }

CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev) {
  CUHOST_DEVICE(dev, pi);
  CUHOST_REQUIRE(attrib > 0 && attrib < CU_DEVICE_ATTRIBUTE_MAX);
  switch (attrib) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *pi = MAX_THREADS; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *pi = 64; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *pi = 0x7fffffff; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *pi = 65535; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *pi = DEFAULT_SHARED; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *pi = 32; break;
    case CU_DEVICE_ATTRIBUTE_INTEGRATED:
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: *pi = 1; break;
    default: *pi = deviceAttribute(dev, attrib);
  }
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice dev) {
  CUHOST_DEVICE(dev, bytes);
  *bytes = memoryLimit();
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev) {
  CUHOST_DEVICE(dev, pctx);
  std::lock_guard lock(primaryMutex);
  if (retained > 0 && dev != primaryDevice) return CUDA_ERROR_ILLEGAL_STATE;  // another device is open
  if (retained++ == 0) {
    primary = contexts().add(std::make_shared<Context>(Context{true, dev}));
    primaryDevice = dev;
    deviceOpened(dev);
  }
  *pctx = primary;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev) {
  // A lost context too is given back, with its memory.
  if (alive() == CUDA_ERROR_NOT_INITIALIZED) return CUDA_ERROR_NOT_INITIALIZED;
  if (!isDeviceNumber(dev)) return CUDA_ERROR_INVALID_DEVICE;
  std::lock_guard lock(primaryMutex);
  if (retained == 0 || dev != primaryDevice) return CUDA_ERROR_INVALID_CONTEXT;
  if (--retained > 0) return CUDA_SUCCESS;
  resetDevice();
  contexts().remove(primary);
  primary = nullptr;
  return CUDA_SUCCESS;
}

// A context of one's own shares the memory and the streams of the primary one.
CUresult cuCtxCreate_v2(CUcontext* pctx, unsigned int, CUdevice dev) {
  CUHOST_DEVICE(dev, pctx);
  *pctx = contexts().add(std::make_shared<Context>(Context{false, dev}));
  current.push_back(*pctx);
  return CUDA_SUCCESS;
}

CUresult cuCtxDestroy_v2(CUcontext ctx) {
  CUHOST_TRY(alive());
  std::shared_ptr<Context> context = contexts().find(ctx);
  if (context == nullptr || context->primary) return CUDA_ERROR_INVALID_CONTEXT;
  synchronizeAll(false);
  contexts().remove(ctx);
  if (top() == ctx) current.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext ctx) {
  CUHOST_TRY(alive());
  if (ctx != nullptr && contexts().find(ctx) == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!current.empty()) current.pop_back();
  if (ctx != nullptr) current.push_back(ctx);
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* pctx) {
  CUHOST_TRY(alive());
  CUHOST_REQUIRE(pctx != nullptr);
  *pctx = top();
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext ctx) {
  CUHOST_TRY(alive());
  if (contexts().find(ctx) == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  current.push_back(ctx);
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext* pctx) {
  CUHOST_TRY(alive());
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (pctx != nullptr) *pctx = top();
  current.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* device) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(device != nullptr);
  *device = contexts().find(top())->device;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void) {
  CUHOST_TRY(ready());
  CUHOST_TRY(forbiddenInCapture());
  synchronizeAll(false);
  return lost();
}

// The newest version of a name that there is; only this library's own symbols.
CUresult cuGetProcAddress_v2(const char* symbol, void** pfn, int, cuuint64_t,
                             CUdriverProcAddressQueryResult* symbolStatus) {
  CUHOST_REQUIRE(symbol != nullptr && pfn != nullptr);
  static void* self = [] {
    Dl_info info;
    return dladdr(reinterpret_cast<void*>(&cuInit), &info) != 0 ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : nullptr;
  }();
  *pfn = nullptr;
  for (const char* version : {"_v2", ""}) {
    std::string name = std::string(symbol) + version;
    if (*pfn == nullptr && self != nullptr && name.starts_with("cu")) *pfn = dlsym(self, name.c_str());
  }
  if (symbolStatus != nullptr) {
    *symbolStatus = *pfn != nullptr ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  }
  return *pfn != nullptr ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

}  // extern "C"
