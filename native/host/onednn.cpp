// Runs oneDNN primitives as a kernel, so that they take their place in streams and graphs.
//
// onednn_execute: one block for each call; a call holds a primitive and its memory objects. execute
// and setThreads are the addresses of dnnl_primitive_execute and omp_set_num_threads: this file
// needs neither header nor library of oneDNN. With several calls each runs on one worker alone and
// `threads` is 1; a single call has OpenMP's threads to itself.
//
// channel_copy_bytes: copies a channel range between views, one block for `rows` pixels.
#include "kernel.h"
#include "simd.h"

#include <cstdint>
#include <cstring>

namespace {

struct Call {
  void* primitive;
  void* stream;
  int64_t count;
  const void* arguments;  // dnnl_exec_arg_t
};

struct Execute {
  const Call* calls;
  int (*execute)(void*, void*, int, const void*);
  void (*setThreads)(int);
  int threads;

  void run() const {
    const Call& call = calls[blockIdx.x];
    setThreads(threads);
    const int status = execute(call.primitive, call.stream, (int)call.count, call.arguments);
    if (status != 0) cuhost::fault("dnnl_primitive_execute returned %d", status);
  }
};

struct CopyBytes {
  const char* x;
  char* y;
  long xPitch, yPitch;
  int bytes, count, rows;

  void run() const {
    const int first = blockIdx.x * rows;
    const int last = first + rows < count ? first + rows : count;
    for (int i = first; i < last; i++) std::memcpy(y + i * yPitch, x + i * xPitch, bytes);
  }
};

}  // namespace

KERNEL(onednn_execute, Execute, run)
KERNEL(channel_copy_bytes, CopyBytes, run)
