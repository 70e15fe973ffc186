#include "streams.h"
#include <ctime>
#include "graphs.h"
#include "workers.h"

namespace cuhost {
namespace {

// Every stream that may still have work, destroyed or not.
std::mutex& everyMutex = *new std::mutex;
std::vector<std::weak_ptr<Stream>>& every = *new std::vector<std::weak_ptr<Stream>>;

std::shared_ptr<Stream> makeStream(bool blocking) {
  auto stream = std::make_shared<Stream>(blocking);
  std::lock_guard lock(everyMutex);
  std::erase_if(every, [](const std::weak_ptr<Stream>& s) { return s.expired(); });
  every.push_back(stream);
  return stream;
}

const std::shared_ptr<Stream>& legacy() {
  static auto& stream = *new std::shared_ptr<Stream>(makeStream(true));
  return stream;
}

std::vector<std::shared_ptr<Stream>> everyStream() {
  std::lock_guard lock(everyMutex);
  std::vector<std::shared_ptr<Stream>> result;
  for (auto& weak : every) {
    if (auto stream = weak.lock()) result.push_back(std::move(stream));
  }
  return result;
}

}  // namespace

Handles<CUstream, Stream, 3>& streams() {
  static auto& table = *new Handles<CUstream, Stream, 3>;
  return table;
}

std::shared_ptr<Stream> findStream(CUstream handle) {
  if (handle == nullptr || handle == CU_STREAM_LEGACY) return legacy();
  if (handle == CU_STREAM_PER_THREAD) {
    static thread_local std::shared_ptr<Stream> mine = makeStream(true);
    return mine;
  }
  return streams().find(handle);
}

void Record::complete() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  nanoseconds = t.tv_sec * 1'000'000'000ll + t.tv_nsec;
  std::vector<std::shared_ptr<Stream>> released;
  {
    std::lock_guard lock(mutex);
    done.store(1, std::memory_order_release);
    released.swap(parked);
  }
  done.notify_all();
  for (auto& stream : released) Pool::get().submit(std::move(stream));
}

bool Record::park(std::shared_ptr<Stream> stream) {
  std::lock_guard lock(mutex);
  if (done.load(std::memory_order_relaxed) != 0) return false;
  parked.push_back(std::move(stream));
  return true;
}

void Record::wait() {
  for (int i = 0; i < 100 && done.load(std::memory_order_acquire) == 0; ++i) std::this_thread::yield();
  while (done.load(std::memory_order_acquire) == 0) done.wait(0, std::memory_order_acquire);
}

void Stream::enqueue(std::unique_ptr<Item> next) {
  {
    std::lock_guard lock(mutex);
    queue.push_back(std::move(next));
    enqueued.fetch_add(1, std::memory_order_release);
    if (running) return;
    running = true;
  }
  Pool::get().submit(shared_from_this());
}

std::shared_ptr<Record> Stream::mark() {
  auto item = std::make_unique<Item>();
  auto record = item->record = std::make_shared<Record>();
  std::lock_guard lock(mutex);
  if (!busy()) return nullptr;
  queue.push_back(std::move(item));
  enqueued.fetch_add(1, std::memory_order_release);
  return record;
}

void Stream::advance(Worker& worker) {
  for (;;) {
    if (item == nullptr) {
      std::lock_guard lock(mutex);
      if (queue.empty()) {
        running = false;
        return;
      }
      item = std::move(queue.front());
      queue.pop_front();
      position = 0;
    }
    if (item->wait != nullptr) {
      auto record = std::move(item->wait);
      if (record->park(shared_from_this())) return;
    }
    size_t count = item->program != nullptr ? item->program->nodes.size() : item->node != nullptr ? 1 : 0;
    while (position < count) {
      const Node& node = item->program != nullptr ? *item->program->nodes[position] : *item->node;
      bool fails = item->fault.code != CUDA_SUCCESS && item->faultAt == position;
      ++position;  // first: another worker may go on from here
      if (fails) lose(item->fault.code, "injected fault");
      if (lost() == CUDA_SUCCESS && !execute(node, worker)) return;
    }
    if (item->call) item->call();
    finished.fetch_add(1, std::memory_order_release);  // first: who waits for the record may ask busy()
    if (item->record != nullptr) item->record->complete();
    item.reset();
  }
}

bool Stream::execute(const Node& node, Worker& worker) {
  if (auto* host = std::get_if<HostCall>(&node.what)) {
    Pool::get().callHost(shared_from_this(), *host);
    return false;
  }
  const uint64_t serial = std::holds_alternative<Kernel>(node.what) ? countLaunch() : 0;
  int threads = worker.lent.count;
  auto [units, step] = split(node, threads);
  if (units <= step || threads == 1) {
    run(node, worker, serial, 0, units);
    return true;
  }
  job.node = &node;
  job.serial = serial;
  job.count = units;
  job.step = step;
  job.next.store(0, std::memory_order_relaxed);
  job.workers.store(1, std::memory_order_relaxed);
  job.listed.store(true, std::memory_order_relaxed);
  Pool::get().publish(shared_from_this(), static_cast<int>(std::min<uint64_t>(threads, (units + step - 1) / step)) - 1);
  return joinJob(worker);
}

bool Stream::joinJob(Worker& worker) {
  for (;;) {
    uint64_t first = job.next.fetch_add(job.step, std::memory_order_relaxed);
    if (first >= job.count) break;
    run(*job.node, worker, job.serial, first, std::min(first + job.step, job.count));
  }
  if (job.listed.exchange(false)) Pool::get().withdraw(this);
  return job.workers.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

void enqueueOrdered(const std::shared_ptr<Stream>& stream, std::unique_ptr<Item> item) {
  auto waitFor = [&](const std::shared_ptr<Record>& record) {
    if (record == nullptr) return;
    auto wait = std::make_unique<Item>();
    wait->wait = record;
    stream->enqueue(std::move(wait));
  };
  if (stream == legacy()) {
    for (auto& other : everyStream()) {
      if (other != stream && other->blocking) waitFor(other->mark());
    }
  } else if (stream->blocking) {
    waitFor(legacy()->mark());
  }
  stream->enqueue(std::move(item));
}

CUresult issue(CUstream handle, Node node, InjectedFault fault) {
  std::shared_ptr<Stream> stream = findStream(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return captureNode(*stream, std::move(node));
  if (stream == legacy() && captureBlocksLegacy()) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  auto item = std::make_unique<Item>();
  item->node = std::make_shared<const Node>(std::move(node));
  item->fault = fault;
  enqueueOrdered(stream, std::move(item));
  return CUDA_SUCCESS;
}

void synchronizeAll(bool blockingOnly) {
  for (auto& stream : everyStream()) {
    if (blockingOnly && !stream->blocking) continue;
    if (auto record = stream->mark()) record->wait();
  }
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

CUresult cuStreamCreate(CUstream* phStream, unsigned int Flags) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(phStream != nullptr && (Flags & ~CU_STREAM_NON_BLOCKING) == 0);
  *phStream = streams().add(makeStream((Flags & CU_STREAM_NON_BLOCKING) == 0));
  return CUDA_SUCCESS;
}

// What is enqueued still runs.
CUresult cuStreamDestroy_v2(CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Stream> stream = streams().remove(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  abandonCapture(*stream);
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return invalidateCapture(*stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  if (stream == legacy()) {
    if (captureBlocksLegacy()) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    synchronizeAll(true);
  } else if (auto record = stream->mark()) {
    record->wait();
  }
  return lost();
}

CUresult cuStreamQuery(CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return invalidateCapture(*stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  bool busy = stream->busy();
  CUHOST_TRY(lost());
  return busy ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
}

CUresult cuLaunchHostFunc(CUstream hStream, CUhostFn fn, void* userData) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(fn != nullptr);
  return issue(hStream, {HostCall{fn, userData}});
}

}  // extern "C"
