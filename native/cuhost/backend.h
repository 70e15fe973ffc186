// backend.h: the seam between the driver and what runs its kernels. Behind it libcuhost.so has elf.cpp (shared objects for
// this CPU), libcuptx.so native/ptx (PTX text, interpreted for a compute capability).
#pragma once
#include <memory>
#include <string>
#include <vector>
#include "api.h"

namespace cuhost {

struct Kernel;
struct Worker;

constexpr int MAX_THREADS = 1024, DEFAULT_SHARED = 48 << 10, REGISTER_FILE = 64 << 10;

// A kernel of a loaded image.
struct Entry {
  std::string name;
  std::vector<uint32_t> paramSizes, paramOffsets;  // offsets within CU_LAUNCH_PARAM_BUFFER_POINTER
  int maxThreads = MAX_THREADS;                    // of a block
  int registers = 0;                               // of a thread; 0: unknown
  int staticShared = 0;
  int mostShared = 0;  // static and dynamic together, where the function's attribute asks for it

  virtual ~Entry() = default;
  // Runs the blocks [first, last), x fastest. What goes wrong is told to lose(). `serial` is the launch's own number.
  virtual void run(const Kernel& launch, Worker& worker, uint64_t serial, uint64_t first, uint64_t last) const = 0;
};

// What a module was made of; its entries live as long.
struct Image {
  std::vector<std::unique_ptr<Entry>> entries;
  virtual ~Image() = default;
};

// Makes an image of what cuModuleLoadData was given; `why` says what is wrong with it.
CUresult loadImage(const void* image, std::unique_ptr<Image>& result, std::string& why);

// Devices are numbered from 0; one of them is in use at a time.
int deviceCount();
std::string deviceName(CUdevice device);
// An attribute that the driver itself has no value for; 0 for one that means nothing here.
int deviceAttribute(CUdevice device, CUdevice_attribute attribute);
// The device's primary context is made.
void deviceOpened(CUdevice device);

// Device memory comes, is written by a copy or a fill, and goes.
void memoryAllocated(uintptr_t begin, size_t bytes);
void memoryWritten(uintptr_t begin, size_t bytes);
void memoryFreed(uintptr_t begin);

}  // namespace cuhost
