#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include "functions.h"

namespace cuhost {
namespace {

CUresult load(const void* image, CUmodule* result, std::string& why) {
  auto module = std::make_shared<LoadedModule>();
  CUHOST_TRY(loadImage(image, module->image, why));
  *result = modules().add(std::move(module));
  return CUDA_SUCCESS;
}

// Blocks that a multiprocessor holds at once, by its shared memory, threads and registers.
int activeBlocks(const Entry& entry, int blockSize, size_t dynamicShared) {
  if (blockSize > entry.maxThreads) return 0;
  int device = currentDevice();
  size_t shared = entry.staticShared + dynamicShared, warps = (static_cast<size_t>(blockSize) + 31) / 32;
  size_t all = deviceAttribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  size_t threads = deviceAttribute(device, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
  size_t byShared = shared == 0 ? 32 : all / shared;
  size_t byRegisters = entry.registers == 0 ? 32 : REGISTER_FILE / (warps * registersOfWarp(entry));
  return static_cast<int>(std::min<size_t>({32, byShared, threads / (warps * 32), byRegisters}));
}

}  // namespace

// A warp takes registers 256 at a time.
size_t registersOfWarp(const Entry& entry) { return (static_cast<size_t>(entry.registers) * 32 + 255) / 256 * 256; }

Handles<CUmodule, LoadedModule, 1>& modules() {
  static auto& table = *new Handles<CUmodule, LoadedModule, 1>;
  return table;
}

Handles<CUfunction, Function, 2>& functions() {
  static auto& table = *new Handles<CUfunction, Function, 2>;
  return table;
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int numOptions, CUjit_option* options,
                            void** optionValues) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(module != nullptr && image != nullptr);
  CUHOST_REQUIRE(numOptions == 0 || (options != nullptr && optionValues != nullptr));
  CUHOST_TRY(forbiddenInCapture());
  std::string why;
  CUresult status = load(image, module, why);
  char* log = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i < numOptions; ++i) {
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER) log = static_cast<char*>(optionValues[i]);
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) {
      bytes = static_cast<unsigned>(reinterpret_cast<uintptr_t>(optionValues[i]));
      optionValues[i] = reinterpret_cast<void*>(std::min(bytes, why.size()));  // the length written
    }
  }
  if (log != nullptr && bytes > 0) std::snprintf(log, bytes, "%s", why.c_str());
  return status;
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleLoad(CUmodule* module, const char* fname) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(module != nullptr && fname != nullptr);
  std::ifstream file(fname, std::ios::binary);
  if (!file) return CUDA_ERROR_FILE_NOT_FOUND;
  std::string image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (image.size() < 64) return CUDA_ERROR_INVALID_IMAGE;  // less than the header of any kind
  return cuModuleLoadData(module, image.data());
}

// Launches in flight keep the code until they are over.
CUresult cuModuleUnload(CUmodule hmod) {
  CUHOST_TRY(ready());
  CUHOST_TRY(forbiddenInCapture());
  std::shared_ptr<LoadedModule> module = modules().remove(hmod);
  if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  for (CUfunction f : module->functions) functions().remove(f);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, const char* name) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(hfunc != nullptr && name != nullptr);
  std::shared_ptr<LoadedModule> module = modules().find(hmod);
  if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  static std::mutex& mutex = *new std::mutex;
  std::lock_guard lock(mutex);
  for (CUfunction f : module->functions) {
    std::shared_ptr<Function> known = functions().find(f);
    if (known != nullptr && known->entry->name == name) {
      *hfunc = f;
      return CUDA_SUCCESS;
    }
  }
  for (auto& entry : module->image->entries) {
    if (entry->name != name) continue;
    auto function = std::make_shared<Function>();
    function->module = module;
    function->entry = entry.get();
    function->maxDynamicShared = DEFAULT_SHARED - entry->staticShared;
    *hfunc = functions().add(std::move(function));
    module->functions.push_back(*hfunc);
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(pi != nullptr);
  std::shared_ptr<Function> function = functions().find(hfunc);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  switch (attrib) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *pi = function->entry->maxThreads; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *pi = function->maxDynamicShared; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *pi = function->entry->staticShared; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *pi = function->entry->registers; break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *pi = 0; break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t* paramOffset, size_t* paramSize) {
  CUHOST_TRY(ready());
  std::shared_ptr<Function> function = functions().find(func);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  CUHOST_REQUIRE(paramOffset != nullptr && paramIndex < function->entry->paramSizes.size());
  *paramOffset = function->entry->paramOffsets[paramIndex];
  if (paramSize != nullptr) *paramSize = function->entry->paramSizes[paramIndex];
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) {
  CUHOST_TRY(ready());
  std::shared_ptr<Function> function = functions().find(hfunc);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (attrib == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
  const int limit = function->entry->mostShared - function->entry->staticShared;
  CUHOST_REQUIRE(attrib == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES && value >= 0 && value <= limit);
  function->maxDynamicShared = value;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* numBlocks, CUfunction func, int blockSize,
                                                     size_t dynamicSMemSize) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(numBlocks != nullptr && blockSize > 0);
  std::shared_ptr<Function> function = functions().find(func);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  *numBlocks = activeBlocks(*function->entry, blockSize, dynamicSMemSize);
  return CUDA_SUCCESS;
}

}  // extern "C"
