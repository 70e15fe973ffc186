// Kernels for the tests of the device room.
#include <chrono>
#include <thread>
#include "kernel.h"

// y = a x + y
struct Axpy {
  const float* x;
  float* y;
  float a;
  int n;
};
extern "C" __global__ void axpy(const Axpy p) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < p.n) p.y[i] = p.a * p.x[i] + p.y[i];
}
HOST_KERNEL_LOOP(axpy)

// The same as other programs' kernels have it, which are launched through JCuda.
extern "C" __global__ void axpy_plain(const float* x, float* y, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}
HOST_KERNEL_LOOP(axpy_plain)

// Writes its parameters and its place in the grid: every type that a struct may have.
struct Echo {
  double* out;
  int i;
  long long l;
  float f;
  double d;
};
extern "C" __global__ void echo(const Echo p) {
  if (threadIdx.x + blockIdx.x + blockIdx.y + blockIdx.z != 0) return;
  double values[] = {double(p.i), double(p.l), p.f, p.d, double(gridDim.x), double(gridDim.y), double(gridDim.z),
                     double(blockDim.x), double(blockDim.y), double(blockDim.z)};
  for (int k = 0; k < 10; ++k) p.out[k] = values[k];
}
HOST_KERNEL_LOOP(echo)

// Reverses each block's range through dynamic shared memory and a barrier.
struct Reverse { int* data; };
extern "C" __global__ void reverse(const Reverse p) {
  DYNAMIC_SHARED(int, shared);
  int* range = p.data + blockIdx.x * blockDim.x;
  shared[threadIdx.x] = range[threadIdx.x];
  __syncthreads();
  range[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}
HOST_KERNEL_FIBERS(reverse)

// Takes its time.
struct Sleep { int milliseconds; };
extern "C" __global__ void sleep_ms(const Sleep p) {
  if (threadIdx.x == 0) std::this_thread::sleep_for(std::chrono::milliseconds(p.milliseconds));
}
HOST_KERNEL_LOOP(sleep_ms)
