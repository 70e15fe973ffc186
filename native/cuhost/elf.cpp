// elf.cpp: the backend of libcuhost.so. An image is a shared object for this CPU, made of one kernel file.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <fstream>
#include "backend.h"
#include "faults.h"
#include "module.h"
#include "work.h"
#include "workers.h"

namespace cuhost {
namespace {

constexpr int MAX_SHARED = 227 << 10;
// A kernel without barriers may be host code that works in a worker's scratch as large as caches are.
constexpr int MAX_SCRATCH = 64 << 20;

constexpr size_t PAGE = 4096;

// Stacks with a guard page below each; without guards where there are so many that mappings could run out.
void* stacks(CuhostWorker* lent, size_t count, size_t bytes) {
  Worker* w = reinterpret_cast<Worker*>(lent);  // its first member
  if (w->stackBytes < count * bytes) {
    if (w->stackMemory != nullptr) munmap(w->stackMemory, w->stackBytes);
    w->stackBytes = 0;
    w->stackMemory = mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w->stackMemory == MAP_FAILED) w->stackMemory = nullptr;
    if (w->stackMemory == nullptr) return nullptr;
    w->stackBytes = count * bytes;
    for (size_t i = 0; count <= 256 && i < count; ++i) {
      mprotect(static_cast<char*>(w->stackMemory) + i * bytes, PAGE, PROT_NONE);
    }
  }
  return w->stackMemory;
}

struct HostEntry : Entry {
  explicit HostEntry(const CuhostKernel& kernel) : kernel(kernel) {
    name = kernel.name;
    paramSizes.assign(kernel.paramSizes, kernel.paramSizes + kernel.paramCount);
    paramOffsets.assign(kernel.paramOffsets, kernel.paramOffsets + kernel.paramCount);
    mostShared = (kernel.flags & CUHOST_FIBERS) != 0 ? MAX_SHARED : MAX_SCRATCH;
  }

  void run(const Kernel& k, Worker& w, uint64_t, uint64_t first, uint64_t last) const override {
    w.provideShared(k.sharedBytes);
    w.lent.stacks = stacks;
    CuhostLaunch launch = {kernel.name,
                           {k.grid[0], k.grid[1], k.grid[2]},
                           {k.block[0], k.block[1], k.block[2]},
                           k.sharedBytes,
                           checking() ? 1u : 0u,
                           seed(),
                           k.params.data()};
    if (kernel.run(&launch, &w.lent, first, last) != 0) {
      lose(CUDA_ERROR_LAUNCH_FAILED, "kernel " + name + ": " + w.lent.fault);
    }
  }

  const CuhostKernel& kernel;
};

// A shared object in memory.
struct Library : Image {
  int file = -1;
  void* handle = nullptr;
  ~Library() override {
    entries.clear();
    if (handle != nullptr) dlclose(handle);
    if (file >= 0) close(file);
  }
};

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

// Bytes of the cache that cores share; 0 where the system does not say. What it says may be a whole server's.
int lastLevelCache() { return static_cast<int>(std::clamp(sysconf(_SC_LEVEL3_CACHE_SIZE), 0l, 32l << 20)); }

}  // namespace

CUresult loadImage(const void* image, std::unique_ptr<Image>& result, std::string& why) {
  if (!isElf(image)) {
    why = "cuhost loads host kernels (shared objects made from kernels/*.cu); this image is " + kindOf(image);
    return kindOf(image) == "PTX text" ? CUDA_ERROR_NO_BINARY_FOR_GPU : CUDA_ERROR_INVALID_IMAGE;
  }
  auto library = std::make_unique<Library>();
  library->file = fileWith(image, elfBytes(image));
  if (library->file < 0) {
    why = "cannot make a file in memory for the module";
    return CUDA_ERROR_OPERATING_SYSTEM;
  }
  std::string path = "/proc/self/fd/" + std::to_string(library->file);
  library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle == nullptr) {
    why = dlerror();
    return CUDA_ERROR_INVALID_IMAGE;
  }
  auto table = static_cast<const CuhostModule*>(dlsym(library->handle, "cuhost_module"));
  if (table == nullptr || table->version != CUHOST_MODULE_VERSION) {
    why = table == nullptr ? "the shared object has no cuhost_module table"
                           : "the module was compiled for another version of cuhost";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  for (auto kernel = table->begin; kernel != table->end; ++kernel) {
    library->entries.push_back(std::make_unique<HostEntry>(**kernel));
  }
  result = std::move(library);
  return CUDA_SUCCESS;
}

int deviceCount() { return 1; }

std::string deviceName(CUdevice) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

int deviceAttribute(CUdevice, CUdevice_attribute attribute) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return MAX_SHARED;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return 2 * MAX_THREADS;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return Pool::get().threads();
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return lastLevelCache();
    default: return 0;  // the compute capability among them
  }
}

void deviceOpened(CUdevice) {}
void memoryAllocated(uintptr_t, size_t) {}
void memoryWritten(uintptr_t, size_t) {}
void memoryFreed(uintptr_t) {}

}  // namespace cuhost
