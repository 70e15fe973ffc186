#include "faults.h"
#include <atomic>
#include <cstdlib>
#include <list>
#include <mutex>

namespace cuhost {
namespace {

struct Planned {
  std::string kernel;  // empty: any
  int launches;
  InjectedFault fault;
};

std::atomic<CUresult> lostCode{CUDA_SUCCESS};
std::atomic<bool> anyPlanned{false};
std::atomic<uint64_t> launches{0};
std::mutex mutex;
std::string& lastFault = *new std::string;
std::list<Planned>& planned = *new std::list<Planned>;

uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? otherwise : std::strtoull(text, nullptr, 0);
}
std::atomic<bool> check{number("CUHOST_CHECKING", 0) != 0};
std::atomic<uint64_t> seedValue{number("CUHOST_SEED", 1)};

}  // namespace

void lose(CUresult code, const std::string& why) {
  std::lock_guard lock(mutex);
  if (lostCode != CUDA_SUCCESS) return;
  lastFault = why;
  lostCode = code;
}

CUresult lost() { return lostCode.load(std::memory_order_acquire); }

InjectedFault nextLaunch(const char* kernel) {
  if (!anyPlanned.load(std::memory_order_relaxed)) return {};
  std::lock_guard lock(mutex);
  for (auto p = planned.begin(); p != planned.end(); ++p) {
    if (!p->kernel.empty() && p->kernel != kernel) continue;
    if (p->launches-- > 0) continue;
    InjectedFault fault = p->fault;
    planned.erase(p);
    anyPlanned = !planned.empty();
    return fault;
  }
  return {};
}

uint64_t countLaunch() { return launches.fetch_add(1, std::memory_order_relaxed) + 1; }
bool checking() { return check.load(std::memory_order_relaxed); }
uint64_t seed() { return seedValue.load(std::memory_order_relaxed); }

}  // namespace cuhost

using namespace cuhost;

extern "C" {

void cuhostSetChecking(int on) { check = on != 0; }
void cuhostSetSeed(uint64_t seed) { seedValue = seed; }
uint64_t cuhostLaunchCount(void) { return launches; }

void cuhostInjectFault(const char* kernelOrNull, int launchesFromNow, int errorCode, int sticky) {
  std::lock_guard lock(mutex);
  planned.push_back({kernelOrNull == nullptr ? "" : kernelOrNull, launchesFromNow,
                     {static_cast<CUresult>(errorCode), sticky != 0}});
  anyPlanned = true;
}

void cuhostClearFaults(void) {
  std::lock_guard lock(mutex);
  planned.clear();
  anyPlanned = false;
  lastFault.clear();
  lostCode = CUDA_SUCCESS;
}

const char* cuhostLastFault(void) {
  static thread_local std::string text;
  std::lock_guard lock(mutex);
  text = lastFault;
  return text.c_str();
}

struct ErrorText {
  CUresult code;
  const char* name;
  const char* text;
};
#define ERROR_TEXT(name, text) {name, #name, text}
static const ErrorText ERRORS[] = {
    ERROR_TEXT(CUDA_SUCCESS, "no error"),
    ERROR_TEXT(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ERROR_TEXT(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR_TEXT(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ERROR_TEXT(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
    ERROR_TEXT(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ERROR_TEXT(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERROR_TEXT(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERROR_TEXT(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ERROR_TEXT(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
    ERROR_TEXT(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
    ERROR_TEXT(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
    ERROR_TEXT(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
    ERROR_TEXT(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
    ERROR_TEXT(CUDA_ERROR_OPERATING_SYSTEM, "OS call failed or operation not supported on this OS"),
    ERROR_TEXT(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERROR_TEXT(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
    ERROR_TEXT(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ERROR_TEXT(CUDA_ERROR_NOT_READY, "device not ready"),
    ERROR_TEXT(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ERROR_TEXT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ERROR_TEXT(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
    ERROR_TEXT(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    ERROR_TEXT(CUDA_ERROR_ASSERT, "device-side assert triggered"),
    ERROR_TEXT(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
    ERROR_TEXT(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    ERROR_TEXT(CUDA_ERROR_HARDWARE_STACK_ERROR, "hardware stack error"),
    ERROR_TEXT(CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction was encountered"),
    ERROR_TEXT(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    ERROR_TEXT(CUDA_ERROR_INVALID_ADDRESS_SPACE, "operation not supported on global/shared address space"),
    ERROR_TEXT(CUDA_ERROR_INVALID_PC, "invalid program counter"),
    ERROR_TEXT(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ERROR_TEXT(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
    ERROR_TEXT(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_MERGE, "operation would result in a merge of separate capture sequences"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream as it began"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "dependency created on uncaptured work in another stream"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "operation would make the legacy stream depend on a capturing stream"),
    ERROR_TEXT(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
    ERROR_TEXT(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "attempt to terminate a thread-local capture from another thread"),
    ERROR_TEXT(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, "the graph update was not performed because of a violated constraint"),
    ERROR_TEXT(CUDA_ERROR_UNKNOWN, "unknown error"),
};

static const ErrorText* find(CUresult code) {
  for (const ErrorText& e : ERRORS) {
    if (e.code == code) return &e;
  }
  return nullptr;
}

CUresult cuGetErrorName(CUresult error, const char** pStr) {
  CUHOST_REQUIRE(pStr != nullptr);
  const ErrorText* e = find(error);
  *pStr = e == nullptr ? nullptr : e->name;
  return e == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char** pStr) {
  CUHOST_REQUIRE(pStr != nullptr);
  const ErrorText* e = find(error);
  *pStr = e == nullptr ? nullptr : e->text;
  return e == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

}  // extern "C"
