#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include "functions.h"

namespace cuhost {
namespace {

// An ELF image carries its own length: the section headers are its end.
size_t elfBytes(const void* image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  size_t end = header.e_shoff + size_t{header.e_shentsize} * header.e_shnum;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, static_cast<const char*>(image) + header.e_phoff + i * size_t{header.e_phentsize}, sizeof segment);
    end = std::max<size_t>(end, segment.p_offset + segment.p_filesz);
  }
  return end;
}

bool isElf(const void* image) { return std::memcmp(image, ELFMAG, SELFMAG) == 0; }

std::string kindOf(const void* image) {
  if (isElf(image)) return "a shared object";
  const char* text = static_cast<const char*>(image);
  size_t length = strnlen(text, 4096);
  std::string_view start(text, length);
  return start.find(".version") != start.npos || start.starts_with("//") ? "PTX text" : "unknown data";
}

// A file without a name that holds the image; it stays open, for its path is what the loader knows the library by.
int fileWith(const void* image, size_t bytes) {
  constexpr unsigned EXECUTABLE = 0x10;  // MFD_EXEC; kernels before 6.3 do not know it
  int file = memfd_create("cuhost-kernels", MFD_CLOEXEC | EXECUTABLE);
  if (file < 0) file = memfd_create("cuhost-kernels", MFD_CLOEXEC);
  if (file < 0) file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
  for (size_t done = 0; file >= 0 && done < bytes;) {
    ssize_t n = write(file, static_cast<const char*>(image) + done, bytes - done);
    if (n <= 0) {
      close(file);
      return -1;
    }
    done += static_cast<size_t>(n);
  }
  return file;
}

CUresult load(const void* image, CUmodule* result, std::string& why) {
  if (!isElf(image)) {
    why = "cuhost loads host kernels (shared objects made from kernels/*.cu); this image is " + kindOf(image);
    return kindOf(image) == "PTX text" ? CUDA_ERROR_NO_BINARY_FOR_GPU : CUDA_ERROR_INVALID_IMAGE;
  }
  auto module = std::make_shared<LoadedModule>();
  module->file = fileWith(image, elfBytes(image));
  if (module->file < 0) {
    why = "cannot make a file in memory for the module";
    return CUDA_ERROR_OPERATING_SYSTEM;
  }
  std::string path = "/proc/self/fd/" + std::to_string(module->file);
  module->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module->library == nullptr) {
    why = dlerror();
    return CUDA_ERROR_INVALID_IMAGE;
  }
  module->table = static_cast<const CuhostModule*>(dlsym(module->library, "cuhost_module"));
  if (module->table == nullptr || module->table->version != CUHOST_MODULE_VERSION) {
    why = module->table == nullptr ? "the shared object has no cuhost_module table"
                                   : "the module was compiled for another version of cuhost";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  *result = modules().add(std::move(module));
  return CUDA_SUCCESS;
}

}  // namespace

LoadedModule::~LoadedModule() {
  if (library != nullptr) dlclose(library);
  if (file >= 0) close(file);
}

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
  if (image.size() < sizeof(Elf64_Ehdr)) return CUDA_ERROR_INVALID_IMAGE;
  return cuModuleLoadData(module, image.data());
}

// Launches in flight keep the code until they are over.
CUresult cuModuleUnload(CUmodule hmod) {
  CUHOST_TRY(ready());
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
    if (known != nullptr && std::strcmp(known->entry->name, name) == 0) {
      *hfunc = f;
      return CUDA_SUCCESS;
    }
  }
  for (auto entry = module->table->begin; entry != module->table->end; ++entry) {
    if (std::strcmp((*entry)->name, name) != 0) continue;
    auto function = std::make_shared<Function>();
    function->module = module;
    function->entry = *entry;
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
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *pi = MAX_THREADS; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *pi = function->maxDynamicShared; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
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
  CUHOST_REQUIRE(paramOffset != nullptr && paramIndex < function->entry->paramCount);
  *paramOffset = function->entry->paramOffsets[paramIndex];
  if (paramSize != nullptr) *paramSize = function->entry->paramSizes[paramIndex];
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) {
  CUHOST_TRY(ready());
  std::shared_ptr<Function> function = functions().find(hfunc);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (attrib == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
  const int limit = (function->entry->flags & CUHOST_FIBERS) != 0 ? MAX_SHARED : MAX_SCRATCH;
  CUHOST_REQUIRE(attrib == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES && value >= 0 && value <= limit);
  function->maxDynamicShared = value;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* numBlocks, CUfunction func, int blockSize,
                                                     size_t dynamicSMemSize) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(numBlocks != nullptr && blockSize > 0);
  if (functions().find(func) == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  int threads = (blockSize + 31) / 32 * 32;
  size_t byShared = dynamicSMemSize == 0 ? 32 : MAX_SHARED / dynamicSMemSize;
  *numBlocks = blockSize > MAX_THREADS ? 0 : static_cast<int>(std::min<size_t>({32, byShared, 2 * MAX_THREADS / static_cast<size_t>(threads)}));
  return CUDA_SUCCESS;
}

}  // extern "C"
