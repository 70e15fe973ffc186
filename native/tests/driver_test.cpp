// The driver API: contexts, handles, memory, copies, modules, errors.
#include <cstring>
#include "device.h"

TEST(devicesAndAttributes) {
  int count = 0, value = 0;
  OK(cuDeviceGetCount(&count));
  SAME(count, 1);
  CUdevice device = -1;
  OK(cuDeviceGet(&device, 0));
  SAME(cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
  char name[64] = "";
  OK(cuDeviceGetName(name, sizeof name, 0));
  CHECK(std::strlen(name) > 0);
  OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
  SAME(value, 0);
  OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 0));
  CHECK(value >= 0 && value <= 32 << 20);  // 0 where the system does not say
  OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
  SAME(value, cuhostGetThreads());
  SAME(cuDeviceGetAttribute(&value, static_cast<CUdevice_attribute>(-1), 0), CUDA_ERROR_INVALID_VALUE);
}

TEST(contexts) {
  CUcontext primary = nullptr, mine = nullptr, popped = nullptr, now = nullptr;
  OK(cuCtxGetCurrent(&primary));
  OK(cuCtxPopCurrent_v2(&popped));
  CHECK(popped == primary);
  CUdeviceptr p;
  SAME(cuMemAlloc_v2(&p, 16), CUDA_ERROR_INVALID_CONTEXT);
  OK(cuCtxCreate_v2(&mine, 0, 0));
  OK(cuMemAlloc_v2(&p, 16));
  OK(cuMemFree_v2(p));
  OK(cuCtxDestroy_v2(mine));
  SAME(cuCtxDestroy_v2(mine), CUDA_ERROR_INVALID_CONTEXT);
  SAME(cuCtxSetCurrent(mine), CUDA_ERROR_INVALID_CONTEXT);
  OK(cuCtxGetCurrent(&now));
  CHECK(now == nullptr);
  OK(cuCtxSetCurrent(primary));
}

TEST(badHandlesAreErrors) {
  Buffer<int> out(64);
  Stream live;
  CUstream dead = nullptr;
  OK(cuStreamCreate(&dead, 0));
  OK(cuStreamDestroy_v2(dead));
  CUevent event = nullptr, deadEvent = nullptr;
  OK(cuEventCreate(&event, 0));
  OK(cuEventCreate(&deadEvent, 0));
  OK(cuEventDestroy_v2(deadEvent));
  int local = 0;
  for (CUstream s : {dead, reinterpret_cast<CUstream>(&local), reinterpret_cast<CUstream>(event),
                     reinterpret_cast<CUstream>(0x123456789abcull)}) {
    SAME(cuStreamSynchronize(s), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuStreamDestroy_v2(s), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuEventRecord(event, s), CUDA_ERROR_INVALID_HANDLE);
    SAME(launch("count", {1, 1}, s, out.address), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuMemsetD8Async(out, 1, 4, s), CUDA_ERROR_INVALID_HANDLE);
  }
  SAME(cuEventDestroy_v2(deadEvent), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuEventRecord(deadEvent, live), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuStreamWaitEvent(live, reinterpret_cast<CUevent>(live.handle), 0), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuModuleUnload(reinterpret_cast<CUmodule>(event)), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuGraphLaunch(nullptr, live), CUDA_ERROR_INVALID_VALUE);
  SAME(cuGraphDestroy(reinterpret_cast<CUgraph>(event)), CUDA_ERROR_INVALID_VALUE);
  CUfunction none = reinterpret_cast<CUfunction>(testModule());
  SAME(cuLaunchKernel(none, 1, 1, 1, 1, 1, 1, 0, live, nullptr, nullptr), CUDA_ERROR_INVALID_HANDLE);
  // A slot that is used again does not revive the old handle.
  CUevent next = nullptr;
  OK(cuEventCreate(&next, 0));
  SAME(cuEventQuery(deadEvent), CUDA_ERROR_INVALID_HANDLE);
  OK(cuEventDestroy_v2(next));
  OK(cuEventDestroy_v2(event));
}

TEST(badLaunchesAreErrors) {
  Buffer<int> out(64);
  CUdeviceptr p = out;
  SAME(launch("count", {0, 1}, nullptr, p), CUDA_ERROR_INVALID_VALUE);
  SAME(launch("count", {1, 1025}, nullptr, p), CUDA_ERROR_INVALID_VALUE);
  SAME(launch("count", {1, 1, 100 << 10}, nullptr, p), CUDA_ERROR_INVALID_VALUE);
  CUfunction f = function("count");
  OK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 10));
  OK(launch("count", {1, 1, 100 << 10}, nullptr, p));
  SAME(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 65 << 20), CUDA_ERROR_INVALID_VALUE);
  SAME(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
  CUfunction missing = nullptr;
  SAME(cuModuleGetFunction(&missing, testModule(), "nowhere"), CUDA_ERROR_NOT_FOUND);
  OK(cuCtxSynchronize());
}

TEST(memoryBelongsToSomebody) {
  CUdeviceptr p = 0;
  SAME(cuMemAlloc_v2(&p, 0), CUDA_ERROR_INVALID_VALUE);
  OK(cuMemAlloc_v2(&p, 1000));
  SAME(p % 256, 0);
  char host[1001];
  SAME(cuMemcpyHtoD_v2(p, host, 1001), CUDA_ERROR_INVALID_VALUE);  // one byte too many
  SAME(cuMemcpyHtoD_v2(p + 900, host, 101), CUDA_ERROR_INVALID_VALUE);
  SAME(cuMemcpyDtoH_v2(host, reinterpret_cast<CUdeviceptr>(host), 8), CUDA_ERROR_INVALID_VALUE);
  OK(cuMemcpyHtoD_v2(p + 900, host, 100));
  unsigned type = 0;
  size_t bytes = 0;
  CUdeviceptr begin = 0;
  OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p + 10));
  SAME(type, CU_MEMORYTYPE_DEVICE);
  OK(cuPointerGetAttribute(&begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, p + 10));
  SAME(begin, p);
  OK(cuPointerGetAttribute(&bytes, CU_POINTER_ATTRIBUTE_RANGE_SIZE, p));
  SAME(bytes, 1000);
  SAME(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, reinterpret_cast<CUdeviceptr>(host)), CUDA_ERROR_INVALID_VALUE);
  SAME(cuMemFree_v2(p + 256), CUDA_ERROR_INVALID_VALUE);
  OK(cuMemFree_v2(p));
  SAME(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);  // twice
  SAME(cuMemcpyHtoD_v2(p, host, 8), CUDA_ERROR_INVALID_VALUE);
  OK(cuMemFree_v2(0));
  for (size_t size : {size_t{64} << 10, size_t{2} << 20, (size_t{5} << 20) + 1}) {
    OK(cuMemAlloc_v2(&p, size));
    SAME(p % (64 << 10), 0);
    OK(cuMemsetD8_v2(p, 7, size));
    OK(cuMemFree_v2(p));
  }
}

TEST(memoryEndsAtTheLimit) {
  size_t free = 0, total = 0, before = 0;
  OK(cuMemGetInfo_v2(&free, &total));
  size_t used = total - free;
  cuhostSetMemoryLimit(used + (1 << 20));
  OK(cuMemGetInfo_v2(&before, &total));
  SAME(before, 1 << 20);
  CUdeviceptr a = 0, b = 0, c = 0;
  SAME(cuMemAlloc_v2(&a, (1 << 20) + 1), CUDA_ERROR_OUT_OF_MEMORY);
  SAME(cuMemAlloc_v2(&a, ~size_t{0}), CUDA_ERROR_OUT_OF_MEMORY);
  OK(cuMemAlloc_v2(&a, 1 << 19));
  OK(cuMemAlloc_v2(&b, 1 << 19));
  SAME(cuMemAlloc_v2(&c, 1), CUDA_ERROR_OUT_OF_MEMORY);
  OK(cuMemFree_v2(a));
  OK(cuMemAlloc_v2(&c, 1));
  OK(cuMemFree_v2(b));
  OK(cuMemFree_v2(c));
  OK(cuMemGetInfo_v2(&free, &total));
  SAME(free, before);
  cuhostSetMemoryLimit(0);
}

TEST(poolCountsAndKeeps) {
  CUmemoryPool pool = nullptr;
  OK(cuDeviceGetDefaultMemPool(&pool, 0));
  auto get = [&](CUmemPool_attribute a) {
    uint64_t v = 0;
    OK(cuMemPoolGetAttribute(pool, a, &v));
    return v;
  };
  uint64_t zero = 0, keep = 1 << 20;
  OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &zero));
  Stream s;
  CUdeviceptr a = 0, b = 0;
  OK(cuMemAllocAsync(&a, 1 << 16, s));
  OK(cuMemAllocAsync(&b, 1 << 16, s));
  SAME(get(CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 2 << 16);
  OK(cuMemFreeAsync(a, s));
  SAME(cuMemFreeAsync(a, s), CUDA_ERROR_INVALID_VALUE);
  OK(cuStreamSynchronize(s));
  SAME(get(CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 1 << 16);
  SAME(get(CU_MEMPOOL_ATTR_USED_MEM_HIGH), 2 << 16);
  SAME(get(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 1 << 16);
  OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
  OK(cuMemFreeAsync(b, s));
  OK(cuStreamSynchronize(s));
  SAME(get(CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 0);
  SAME(get(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 1 << 16);
  OK(cuMemAllocAsync(&a, 1 << 16, s));
  SAME(a, b);  // the kept one again
  OK(cuMemFreeAsync(a, s));
  OK(cuStreamSynchronize(s));
  OK(cuMemPoolTrimTo(pool, 0));
  SAME(get(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 0);
  OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &zero));
}

TEST(hostMemory) {
  void* pinned = nullptr;
  OK(cuMemAllocHost_v2(&pinned, 4096));
  unsigned type = 0;
  OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, reinterpret_cast<CUdeviceptr>(pinned)));
  SAME(type, CU_MEMORYTYPE_HOST);
  SAME(cuMemHostUnregister(pinned), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
  OK(cuMemFreeHost(pinned));
  SAME(cuMemFreeHost(pinned), CUDA_ERROR_INVALID_VALUE);
  std::vector<char> heap(1 << 20);
  OK(cuMemHostRegister_v2(heap.data(), heap.size(), 0));
  SAME(cuMemHostRegister_v2(heap.data() + 100, 10, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  SAME(cuMemFreeHost(heap.data()), CUDA_ERROR_INVALID_VALUE);
  OK(cuMemHostUnregister(heap.data()));
  SAME(cuMemHostUnregister(heap.data()), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

TEST(copiesAndFillsOfEverySize) {
  Stream s;
  for (size_t n : {size_t{1}, size_t{1000}, size_t{100'000}, size_t{3'000'001}}) {
    Buffer<unsigned char> a(n), b(n);
    std::vector<unsigned char> values(n), got(n);
    for (size_t i = 0; i < n; ++i) values[i] = static_cast<unsigned char>(i * 31 + 7);
    OK(cuMemcpyHtoDAsync_v2(a, values.data(), n, s));
    OK(cuMemcpyDtoDAsync_v2(b, a, n, s));
    OK(cuMemcpyDtoHAsync_v2(got.data(), b, n, s));  // pageable: done when the call is
    CHECK(got == values);
    OK(cuMemsetD8Async(b, 9, n, s));
    OK(cuMemcpyDtoHAsync_v2(got.data(), b, n, s));
    CHECK(got == std::vector<unsigned char>(n, 9));
    OK(cuMemsetD32Async(b, 0x01020304, n / 4, s));
    OK(cuStreamSynchronize(s));
    got = b.get();
    for (size_t i = 0; i < n; ++i) SAME(got[i], i < n / 4 * 4 ? 4 - i % 4 : 9);
  }
  Buffer<int> c(2);
  SAME(cuMemsetD32_v2(c + 1, 0, 1), CUDA_ERROR_INVALID_VALUE);
}

TEST(modulesThatAreNotOurs) {
  CUmodule module = nullptr;
  char log[256] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
  SAME(cuModuleLoadDataEx(&module, ".version 8.0\n.target sm_80\n", 2, options, values), CUDA_ERROR_NO_BINARY_FOR_GPU);
  CHECK(std::strstr(log, "PTX") != nullptr);
  SAME(cuModuleLoadData(&module, "nonsense"), CUDA_ERROR_INVALID_IMAGE);
  SAME(cuModuleLoad(&module, "/nowhere.so"), CUDA_ERROR_FILE_NOT_FOUND);
}

TEST(modulesAreLoadedSideBySide) {
  std::ifstream file(modulePath, std::ios::binary);
  std::string image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  CUmodule one = nullptr, two = nullptr;
  OK(cuModuleLoadData(&one, image.data()));
  OK(cuModuleLoadData(&two, image.data()));
  CUfunction f = nullptr, g = nullptr, again = nullptr;
  OK(cuModuleGetFunction(&f, one, "slow_store"));
  OK(cuModuleGetFunction(&again, one, "slow_store"));
  CHECK(f == again);
  OK(cuModuleGetFunction(&g, two, "slow_store"));
  CHECK(f != g);
  Buffer<int> out(1);
  int value = 5, rounds = 3'000'000;
  void* params[] = {&out.address, &value, &rounds};
  OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, params, nullptr));
  OK(cuModuleUnload(one));  // the launch under way keeps its code
  SAME(cuModuleUnload(one), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, params, nullptr), CUDA_ERROR_INVALID_HANDLE);
  OK(cuCtxSynchronize());
  SAME(out.get()[0], 5);
  value = 6;
  rounds = 1;
  OK(cuLaunchKernel(g, 1, 1, 1, 1, 1, 1, 0, nullptr, params, nullptr));
  OK(cuCtxSynchronize());
  SAME(out.get()[0], 6);
  OK(cuModuleUnload(two));
}

TEST(errorsHaveNames) {
  const char* name = nullptr;
  OK(cuGetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &name));
  CHECK(std::strcmp(name, "CUDA_ERROR_OUT_OF_MEMORY") == 0);
  OK(cuGetErrorString(CUDA_ERROR_LAUNCH_FAILED, &name));
  CHECK(std::strcmp(name, "unspecified launch failure") == 0);
  SAME(cuGetErrorName(static_cast<CUresult>(12345), &name), CUDA_ERROR_INVALID_VALUE);
}

TEST(symbolsByName) {
  void* found = nullptr;
  CUdriverProcAddressQueryResult result;
  OK(cuGetProcAddress_v2("cuMemAlloc", &found, 12000, 0, &result));
  CHECK(found == reinterpret_cast<void*>(&cuMemAlloc_v2));
  OK(cuGetProcAddress_v2("cuLaunchKernel", &found, 12000, 0, nullptr));
  CHECK(found == reinterpret_cast<void*>(&cuLaunchKernel));
  SAME(cuGetProcAddress_v2("cuNothing", &found, 12000, 0, &result), CUDA_ERROR_NOT_FOUND);
  SAME(result, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
}

TEST(injectedFaults) {
  Buffer<int> out(1);
  CUdeviceptr p = out;
  Stream s;
  cuhostInjectFault("count", 1, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 0);
  OK(launch("count", {1, 1}, s, p));
  OK(launch("workers", {1, 1}, s, p));  // another kernel
  SAME(launch("count", {1, 1}, s, p), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  OK(launch("count", {1, 1}, s, p));  // it was not sticky
  OK(cuStreamSynchronize(s));

  cuhostInjectFault(nullptr, 0, CUDA_ERROR_ILLEGAL_ADDRESS, 1);
  OK(launch("count", {1, 1}, s, p));  // a sticky one strikes later
  SAME(cuStreamSynchronize(s), CUDA_ERROR_ILLEGAL_ADDRESS);
  SAME(cuMemsetD8Async(p, 0, 4, s), CUDA_ERROR_ILLEGAL_ADDRESS);
  SAME(cuMemFree_v2(p), CUDA_ERROR_ILLEGAL_ADDRESS);
  CUevent event;
  SAME(cuEventCreate(&event, 0), CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(std::string(cuhostLastFault()).find("injected") != std::string::npos);
  cuhostClearFaults();
  OK(launch("count", {1, 1}, s, p));
  OK(cuStreamSynchronize(s));
}

// Called by main at the end: the last release of the primary context ends everything that lived in it.
void releaseTakesEverything() {
  CUcontext again = nullptr;
  OK(cuDevicePrimaryCtxRetain(&again, 0));
  OK(cuDevicePrimaryCtxRelease_v2(0));
  CUdeviceptr p = 0;
  CUstream s = nullptr;
  OK(cuMemAlloc_v2(&p, 1 << 20));  // still retained once
  OK(cuStreamCreate(&s, 0));
  OK(cuDevicePrimaryCtxRelease_v2(0));
  SAME(cuStreamSynchronize(s), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  SAME(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
  OK(cuDevicePrimaryCtxRetain(&again, 0));
  OK(cuCtxSetCurrent(again));
  SAME(cuStreamSynchronize(s), CUDA_ERROR_INVALID_HANDLE);
  SAME(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
  size_t free = 0, total = 0;
  OK(cuMemGetInfo_v2(&free, &total));
  SAME(total - free, 0);
}
