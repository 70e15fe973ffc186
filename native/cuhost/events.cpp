#include <thread>
#include "graphs.h"
#include "workers.h"

namespace cuhost {
namespace {

struct Event {
  unsigned flags;
  std::mutex mutex;
  std::shared_ptr<Record> last;  // null: never recorded
  CapturedPoint point;
  bool captured = false;  // last recorded in a capture
};

Handles<CUevent, Event, 4>& events() {
  static auto& table = *new Handles<CUevent, Event, 4>;
  return table;
}

// The latest recording; null when there is none.
CUresult latest(CUevent handle, std::shared_ptr<Record>& record, unsigned* flags = nullptr) {
  std::shared_ptr<Event> event = events().find(handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(event->mutex);
  if (event->captured) return CUDA_ERROR_CAPTURED_EVENT;
  record = event->last;
  if (flags != nullptr) *flags = event->flags;
  return CUDA_SUCCESS;
}

CUresult elapsed(float* milliseconds, CUevent start, CUevent end) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(milliseconds != nullptr);
  std::shared_ptr<Record> first, second;
  unsigned firstFlags = 0, secondFlags = 0;
  CUHOST_TRY(latest(start, first, &firstFlags));
  CUHOST_TRY(latest(end, second, &secondFlags));
  bool timed = ((firstFlags | secondFlags) & CU_EVENT_DISABLE_TIMING) == 0;
  if (first == nullptr || second == nullptr || !timed) return CUDA_ERROR_INVALID_HANDLE;
  if (first->done.load() == 0 || second->done.load() == 0) return CUDA_ERROR_NOT_READY;
  *milliseconds = static_cast<float>(static_cast<double>(second->nanoseconds - first->nanoseconds) * 1e-6);
  return CUDA_SUCCESS;
}

}  // namespace

void clearEvents() { events().clear(); }

}  // namespace cuhost

using namespace cuhost;

extern "C" {

CUresult cuEventCreate(CUevent* phEvent, unsigned int Flags) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(phEvent != nullptr && (Flags & ~(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) == 0);
  auto event = std::make_shared<Event>();
  event->flags = Flags;
  *phEvent = events().add(std::move(event));
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent hEvent) {
  CUHOST_TRY(ready());
  return events().remove(hEvent) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent hEvent, CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Event> event = events().find(hEvent);
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (event == nullptr || stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(event->mutex);
  if (stream->capturing) {
    CUHOST_TRY(capturePoint(*stream, event->point));
    event->captured = true;
    return CUDA_SUCCESS;
  }
  auto item = std::make_unique<Item>();
  event->last = item->record = std::make_shared<Record>();
  event->captured = false;
  enqueueOrdered(stream, std::move(item));
  return CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent hEvent) {
  CUHOST_TRY(ready());
  std::shared_ptr<Record> record;
  CUHOST_TRY(latest(hEvent, record));
  bool done = record == nullptr || record->done.load(std::memory_order_acquire) != 0;
  CUHOST_TRY(lost());
  return done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuEventSynchronize(CUevent hEvent) {
  CUHOST_TRY(ready());
  std::shared_ptr<Record> record;
  CUHOST_TRY(latest(hEvent, record));
  if (record != nullptr) record->wait();
  return lost();
}

CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd) {
  return elapsed(pMilliseconds, hStart, hEnd);
}
CUresult cuEventElapsedTime_v2(float* pMilliseconds, CUevent hStart, CUevent hEnd) {
  return elapsed(pMilliseconds, hStart, hEnd);
}

CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, unsigned int Flags) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(Flags == 0);
  std::shared_ptr<Event> event = events().find(hEvent);
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (event == nullptr || stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::shared_ptr<Record> record;
  {
    std::lock_guard lock(event->mutex);
    if (event->captured) return captureWait(stream, event->point);
    record = event->last;
  }
  if (stream->capturing) return invalidateCapture(*stream, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  if (record == nullptr || record->done.load(std::memory_order_acquire) != 0) return CUDA_SUCCESS;
  auto item = std::make_unique<Item>();
  item->wait = std::move(record);
  enqueueOrdered(stream, std::move(item));
  return CUDA_SUCCESS;
}

}  // extern "C"
