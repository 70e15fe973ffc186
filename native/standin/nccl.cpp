// nccl.cpp: a libnccl.so.2 for tests: ranks are threads of one process, devices have their memory on the host. A call waits
// for its stream and for the other ranks, sums in the order of the ranks, and is written to standard error.
#include <condition_variable>
#include <cstdio>
#include <map>
#include "standin.h"

using namespace standin;

namespace {

enum Result { SUCCESS = 0, INTERNAL = 3, INVALID = 4 };

struct Group {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<float*> given;
  size_t arrived = 0, meetings = 0;

  void meet() {
    std::unique_lock lock(mutex);
    size_t meeting = meetings;
    if (++arrived == given.size()) {
      arrived = 0, meetings++;
      changed.notify_all();
    }
    changed.wait(lock, [&] { return meetings != meeting; });
  }
};

struct Communicator {
  std::shared_ptr<Group> group;
  int rank;
  std::unique_ptr<Driver> driver;
};

struct Id { char bytes[128]; };

std::mutex all;
std::map<std::string, std::shared_ptr<Group>> groups;
int ids = 0;

template <class... Values>
void record(const char* format, Values... values) {
  char line[256];
  snprintf(line, sizeof line, format, values...);
  std::lock_guard lock(all);
  fprintf(stderr, "nccl %s\n", line);
}

// Every rank computes its own copy from what all have given, and writes it when all have read. Not as a job of the stream:
// jobs that wait for each other would take all of the host's threads.
int collect(Communicator* c, const void* from, void* to, size_t count, int type, CUstream stream, int root) {
  if (!c || from != to || type != 7 || root >= static_cast<int>(c->group->given.size())) return INVALID;
  if (c->driver->contextSet(c->driver->context) != CUDA_SUCCESS || c->driver->synchronize(stream) != CUDA_SUCCESS) {
    return INTERNAL;
  }
  Group& group = *c->group;
  group.given[c->rank] = static_cast<float*>(to);
  group.meet();
  std::vector<float> result(count);
  for (size_t i = 0; i < count; i++) {
    float sum = 0;
    for (float* given : group.given) sum += given[i];
    result[i] = root < 0 ? sum : group.given[root][i];
  }
  group.meet();
  std::copy(result.begin(), result.end(), static_cast<float*>(to));
  group.meet();
  return SUCCESS;
}

}  // namespace

STANDIN_API int ncclGetVersion(int* version) { return *version = 23007, SUCCESS; }

STANDIN_API const char* ncclGetErrorString(int) { return "an error of the stand-in"; }

STANDIN_API int ncclGetUniqueId(Id* id) {
  record("ncclGetUniqueId");
  std::lock_guard lock(all);
  memset(id->bytes, 0xa5, sizeof id->bytes);
  snprintf(id->bytes, sizeof id->bytes, "id %d", ids++);
  return SUCCESS;
}

STANDIN_API int ncclCommInitRank(Communicator** out, int size, Id id, int rank) {
  record("ncclCommInitRank size=%d rank=%d", size, rank);
  if (rank < 0 || rank >= size || id.bytes[127] != static_cast<char>(0xa5)) return INVALID;
  auto driver = Driver::current();
  if (!driver) return INTERNAL;
  std::lock_guard lock(all);
  auto& group = groups[id.bytes];
  if (!group) group = std::make_shared<Group>(), group->given.resize(size);
  *out = new Communicator{group, rank, std::move(driver)};
  return SUCCESS;
}

STANDIN_API int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation, Communicator* c,
                              CUstream stream) {
  record("ncclAllReduce rank=%d count=%zu type=%d op=%d stream=%p", c->rank, count, type, operation, stream);
  return operation == 0 ? collect(c, from, to, count, type, stream, -1) : INVALID;
}

STANDIN_API int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, Communicator* c,
                              CUstream stream) {
  record("ncclBroadcast rank=%d count=%zu type=%d root=%d stream=%p", c->rank, count, type, root, stream);
  return collect(c, from, to, count, type, stream, root);
}

STANDIN_API int ncclCommDestroy(Communicator* c) {
  record("ncclCommDestroy rank=%d", c->rank);
  delete c;
  return SUCCESS;
}

STANDIN_API int ncclCommAbort(Communicator* c) {
  record("ncclCommAbort rank=%d", c->rank);
  return SUCCESS;
}
