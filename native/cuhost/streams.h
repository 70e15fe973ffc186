// streams.h: streams run their items one after the other on the workers. No thread waits inside a stream: a stream that
// meets an unfinished event parks on it, and whoever completes the event submits the stream again.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include "faults.h"
#include "handles.h"
#include "work.h"

namespace cuhost {

struct Stream;
struct Capture;

// One recording of an event (or the end of what a stream had to do at some moment).
struct Record {
  std::atomic<int> done{0};
  int64_t nanoseconds = 0;

  void complete();
  bool park(std::shared_ptr<Stream> stream);  // false: it is done already
  void wait();

 private:
  std::mutex mutex;
  std::vector<std::shared_ptr<Stream>> parked;
};

// The nodes of an instantiated graph, in the order of execution.
struct Program {
  std::vector<std::shared_ptr<const Node>> nodes;
};

// Waits, then runs nodes, then calls, then completes a record; each part may be absent.
struct Item {
  std::shared_ptr<Record> wait;
  std::shared_ptr<const Node> node;
  std::shared_ptr<const Program> program;
  std::function<void()> call;
  std::shared_ptr<Record> record;
  InjectedFault fault;  // strikes instead of node number faultAt
  size_t faultAt = 0;
};

// The node that several workers run together.
struct Job {
  const Node* node = nullptr;
  uint64_t serial = 0;  // of the launch, where it is one
  std::atomic<uint64_t> next{0};
  uint64_t count = 0, step = 1;
  std::atomic<int> workers{0};  // in it at this moment; the last one out goes on with the stream
  std::atomic<bool> listed{false};
};

struct Stream : std::enable_shared_from_this<Stream> {
  explicit Stream(bool blocking) : blocking(blocking) {}
  const bool blocking;  // takes part in the order of the legacy default stream

  void enqueue(std::unique_ptr<Item> item);
  std::shared_ptr<Record> mark();  // completes when all that is enqueued now is done; null when nothing is
  bool busy() const { return finished.load(std::memory_order_acquire) != enqueued.load(std::memory_order_acquire); }

  void advance(Worker& worker);     // for the pool: runs items until the queue is empty or the stream goes on elsewhere
  bool joinJob(Worker& worker);     // runs units of the job; true for the last worker to leave it
  Job job;

  std::shared_ptr<Capture> capture;  // under the capture lock
  std::vector<size_t> frontier;      // nodes that the next captured one depends on
  std::atomic<bool> capturing{false};

 private:
  bool execute(const Node& node, Worker& worker);  // false: the stream goes on elsewhere

  std::mutex mutex;
  std::deque<std::unique_ptr<Item>> queue;
  std::atomic<uint64_t> enqueued{0}, finished{0};  // items
  bool running = false;                            // a worker has it, or it is in the pool's list, or parked
  std::unique_ptr<Item> item;  // in execution
  size_t position = 0;
};

Handles<CUstream, Stream, 3>& streams();
std::shared_ptr<Stream> findStream(CUstream handle);  // the default streams too; null for a bad handle
void synchronizeAll(bool blockingOnly);
// Enqueues, keeping the order with the legacy default stream.
void enqueueOrdered(const std::shared_ptr<Stream>& stream, std::unique_ptr<Item> item);
// Enqueues the node, or adds it to the graph that the stream captures.
CUresult issue(CUstream stream, Node node, InjectedFault fault = {});

}  // namespace cuhost
