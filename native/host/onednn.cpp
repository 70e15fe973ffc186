// Runs oneDNN primitives as a kernel, so that they take their place in streams and graphs.
//
// onednn_execute: one block for each call; a call holds a primitive and its memory objects. execute
// and set_threads are the addresses of dnnl_primitive_execute and omp_set_num_threads: this file
// needs neither header nor library of oneDNN. With several calls each runs on one worker alone and
// `threads` is 1; a single call has OpenMP's threads to itself.
//
// channel_copy_bytes: copies a channel range between views, one block for `rows` pixels.
#include "kernel.h"

#include <cstdint>
#include <cstring>

namespace {

struct Call {
  void* primitive;
  void* stream;
  int64_t count;
  const void* arguments;  // dnnl_exec_arg_t
};

}  // namespace

extern "C" __global__ void onednn_execute(const Call* calls,
                                          int (*execute)(void*, void*, int, const void*),
                                          void (*set_threads)(int), int threads) {
  const Call& call = calls[blockIdx.x];
  set_threads(threads);
  const int status = execute(call.primitive, call.stream, (int)call.count, call.arguments);
  if (status != 0) cuhost::fault("dnnl_primitive_execute returned %d", status);
}
HOST_KERNEL_LOOP(onednn_execute)

extern "C" __global__ void channel_copy_bytes(const char* x, char* y, long xPitch, long yPitch,
                                              int bytes, int count, int rows) {
  const int first = blockIdx.x * rows;
  const int last = first + rows < count ? first + rows : count;
  for (int i = first; i < last; i++) std::memcpy(y + i * yPitch, x + i * xPitch, bytes);
}
HOST_KERNEL_LOOP(channel_copy_bytes)
