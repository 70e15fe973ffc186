// Right and wrong kernels for the tests of libcuhost.
#include "kernel.h"

// y = a x + y, one element a thread.
extern "C" __global__ void saxpy(float* __restrict__ y, const float* __restrict__ x, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = fmaf(a, x[i], y[i]);
}
HOST_KERNEL_LOOP(saxpy)

// y[i] = x[n-1-i] + 1: needs what every block of the kernel before it wrote.
extern "C" __global__ void reverse_add(int* __restrict__ y, const int* __restrict__ x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[n - 1 - i] + 1;
}
HOST_KERNEL_LOOP(reverse_add)

// Takes a while, then writes.
extern "C" __global__ void slow_store(int* out, int value, int rounds) {
  volatile unsigned x = 1;
  for (int i = 0; i < rounds; ++i) x = x * 1664525u + 1013904223u;
  out[blockIdx.x] = value;
}
HOST_KERNEL_LOOP(slow_store)

// Where each thread is, for grids and blocks of three dimensions.
extern "C" __global__ void where(int* out) {
  int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  int threads = blockDim.x * blockDim.y * blockDim.z;
  out[block * threads + thread] += block * 10000 + thread;
}
HOST_KERNEL_LOOP(where)
extern "C" __global__ void where_fibers(int* out) { where(out); }
HOST_KERNEL_FIBERS(where_fibers)

// Parameters of every size.
extern "C" __global__ void parameters(double* out, char c, short s, int i, long long l, float f, double d) {
  if (threadIdx.x == 0) out[0] = c + s + i + static_cast<double>(l) + f + d;
}
HOST_KERNEL_LOOP(parameters)

extern "C" __global__ void count(int* out) { atomicAdd(out, 1); }
HOST_KERNEL_LOOP(count)

extern "C" __global__ void workers(int* out) {
  out[blockIdx.x] = HOST_WORKER() >= 0 && HOST_WORKER() < HOST_WORKERS() ? HOST_WORKERS() : -1;
}
HOST_KERNEL_LOOP(workers)

extern "C" __global__ void shared_bits(unsigned* out) {
  DYNAMIC_SHARED(unsigned, s);
  out[threadIdx.x] = s[threadIdx.x];
}
HOST_KERNEL_LOOP(shared_bits)

// Sum of a block: shuffles, then shared memory.
extern "C" __global__ void block_sum(float* out, const float* x) {
  __shared__ float partial[32];
  float v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(0xffffffffu, v, o);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x == 0) {
    float sum = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) sum += partial[w];
    out[blockIdx.x] = sum;
  }
}
HOST_KERNEL_FIBERS(block_sum)

// Threads that leave early are not counted by the barriers that follow.
extern "C" __global__ void early(int* out, int n) {
  if (threadIdx.x >= n) return;
  out[threadIdx.x] += 1;
  __syncthreads();
  out[threadIdx.x] += 10;
  __syncthreads();
  out[threadIdx.x] += 100;
}
HOST_KERNEL_FIBERS(early)

// One shared flag is reused behind barriers; a thread that slipped through one would see another value.
extern "C" __global__ void slip(int* out) {
  __shared__ int flag;
  for (int round = 0; round < 4; ++round) {
    if (threadIdx.x == 0) flag = 0;
    __syncthreads();
    if (threadIdx.x < 32) {
      int v = threadIdx.x;
      for (int o = 16; o > 0; o >>= 1) v += __shfl_down_sync(0xffffffffu, v, o);
      if (threadIdx.x == 0) flag = v + round;
    }
    __syncthreads();
    out[threadIdx.x] += flag;
    __syncthreads();
  }
}
HOST_KERNEL_FIBERS(slip)

// Collectives of halves, quarters and whole warps in turn.
extern "C" __global__ void mixed_masks(int* out) {
  int lane = threadIdx.x % 32, sum = 0;
  unsigned half = lane < 16 ? 0xffffu : 0xffff0000u, quarter = 0xffu << (lane / 8 * 8);
  for (int round = 0; round < 8; ++round) {
    if (lane < 16) sum += __shfl_xor_sync(half, lane * (round + 1), 1);
    sum += __shfl_xor_sync(quarter, lane + round, 2);
    if (lane >= 8) sum += __popc(__ballot_sync(0xffffff00u, lane % 2));
    sum += __shfl_sync(0xffffffffu, sum, 31 - lane) & 1;
    if (lane % 32 < 8) sum += __shfl_up_sync(0xffu, lane, 1, 8);
  }
  out[threadIdx.x] = sum;
}
HOST_KERNEL_FIBERS(mixed_masks)

// Two warps hand a value to two others through named barriers, again and again.
extern "C" __global__ void producer_consumer(int* out) {
  __shared__ int box[64];
  int t = threadIdx.x;
  for (int round = 0; round < 5; ++round) {
    if (t < 64) {
      box[t] = t + round;
      cuhost::namedBarrier(1, 128, false);
      cuhost::namedBarrier(2, 128);
    } else {
      cuhost::namedBarrier(1, 128);
      out[t - 64] += box[127 - t];
      cuhost::namedBarrier(2, 128, false);
    }
  }
}
HOST_KERNEL_FIBERS(producer_consumer)

extern "C" __global__ void async_copies(int* out, const int* in, int waits) {
  __shared__ int s[64];
  s[threadIdx.x] = -1;
  __syncthreads();
  if (threadIdx.x < 16) {
    cuhost::async_copy(s + 4 * threadIdx.x, in + 4 * threadIdx.x, 16, threadIdx.x == 15 ? 8 : 16);
    cuhost::async_commit();
  }
  if (waits) cuhost::async_wait(0);
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
HOST_KERNEL_FIBERS(async_copies)

// ---- wrong kernels ----

extern "C" __global__ void diverge(int* out) {
  if (threadIdx.x & 1) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    __syncthreads();
    out[threadIdx.x] = 2;
  }
}
HOST_KERNEL_FIBERS(diverge)

extern "C" __global__ void half_a_collective(int* out) {
  if (threadIdx.x < 16) {
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, threadIdx.x, 1);
  } else {
    __syncthreads();
  }
}
HOST_KERNEL_FIBERS(half_a_collective)

extern "C" __global__ void foreign_lane(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xffffu, threadIdx.x, 20);
}
HOST_KERNEL_FIBERS(foreign_lane)

extern "C" __global__ void missing_barrier(float* out, float base) {
  __shared__ float s[64];
  s[threadIdx.x] = base + static_cast<float>(threadIdx.x);
  out[threadIdx.x] = s[63 - threadIdx.x];
}
HOST_KERNEL_FIBERS(missing_barrier)

extern "C" __global__ void misaligned_copy(int* out) {
  __shared__ __align__(16) char s[64];
  cuhost::async_copy(s + 4, out, 16, 16);
}
HOST_KERNEL_FIBERS(misaligned_copy)

extern "C" __global__ void barrier_in_loop(int* out) {
  __syncthreads();
  out[0] = 1;
}
HOST_KERNEL_LOOP(barrier_in_loop)

extern "C" __global__ void beyond_shared(int* out, int i) {
  DYNAMIC_SHARED(int, s);
  s[i] = 1;
  out[0] = s[0];
}
HOST_KERNEL_FIBERS(beyond_shared)

extern "C" __global__ void beyond_global(int* out, int i) { out[i] = 1; }
HOST_KERNEL_LOOP(beyond_global)
