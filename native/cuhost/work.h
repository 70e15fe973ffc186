// work.h: what a stream executes: kernels, copies, fills and host functions. Immutable once enqueued, so a graph and the
// launches of it in flight share them.
#pragma once
#include <memory>
#include <variant>
#include <vector>
#include "api.h"
#include "module.h"

namespace cuhost {

struct Function;

struct Kernel {
  std::shared_ptr<Function> function;
  uint32_t grid[3], block[3];
  uint32_t sharedBytes;
  std::vector<char> values;  // the parameters, copied when the launch was asked for
  std::vector<void*> params;
};

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
  std::vector<char> staged;  // the source, where it was copied at the call
};

struct Fill {
  void* to;
  uint32_t value;
  int width;  // bytes of an element: 1 or 4
  size_t count;
};

struct HostCall {
  CUhostFn function;
  void* argument;
};

struct Nothing {};

struct Node {
  std::variant<Kernel, Copy, Fill, HostCall, Nothing> what;
};

// A worker thread and what it lends to kernels.
struct Worker {
  CuhostWorker lent{};
  size_t sharedCapacity = 0;
  void* stackMemory = nullptr;
  size_t stackBytes = 0;
  ~Worker();
  void provideShared(size_t bytes);
};

// How a node is cut: `count` units, handed out `step` at a time.
struct Split {
  uint64_t count, step;
};
Split split(const Node& node, int workers);
// `serial` numbers the launches of kernels.
void run(const Node& node, Worker& worker, uint64_t serial, uint64_t first, uint64_t last);

}  // namespace cuhost
