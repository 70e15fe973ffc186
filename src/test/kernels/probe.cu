// Kernels for the tests of the device room.
#include <chrono>
#include <thread>
#include "kernel.h"

// y = a x + y
extern "C" __global__ void axpy(const float* x, float* y, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}
HOST_KERNEL_LOOP(axpy)

// Writes its arguments and its place in the grid: every type that a launch takes.
extern "C" __global__ void echo(double* out, int i, long long l, float f, double d) {
  if (threadIdx.x + blockIdx.x + blockIdx.y + blockIdx.z != 0) return;
  double values[] = {double(i), double(l), f, d, double(gridDim.x), double(gridDim.y), double(gridDim.z),
                     double(blockDim.x), double(blockDim.y), double(blockDim.z)};
  for (int k = 0; k < 10; ++k) out[k] = values[k];
}
HOST_KERNEL_LOOP(echo)

// Reverses each block's range through dynamic shared memory and a barrier.
extern "C" __global__ void reverse(int* data) {
  DYNAMIC_SHARED(int, shared);
  int* range = data + blockIdx.x * blockDim.x;
  shared[threadIdx.x] = range[threadIdx.x];
  __syncthreads();
  range[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}
HOST_KERNEL_FIBERS(reverse)

// Takes its time.
extern "C" __global__ void sleep_ms(int milliseconds) {
  if (threadIdx.x == 0) std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}
HOST_KERNEL_LOOP(sleep_ms)
