// common.cuh: what every kernel shares. Parameters, the layout, the prologue, the element-wise launch.
//
// A kernel's parameters are one struct, passed by value; a Java record of the same fields fills it (docs/kernels.md). Its
// methods are the kernel.
//
// Activations are NHWC with a channel pitch, in elements: (n,h,w,c) lies at ((n*H + h)*W + w)*pitch + c from the view's
// base. Pitches are multiples of 8. A view may begin at any channel. Channels beyond a view's last are never read: they
// may hold NaN.
#pragma once
#include "vector.cuh"

// A kernel that calls the method `...` of its parameters. how: LOOP or FIBERS (kernel.h).
#define KERNEL(name, how, bounds, Parameters, ...)                                                               \
  extern "C" __global__ void __launch_bounds__ bounds name(const __grid_constant__ Parameters parameters) {      \
    parameters.__VA_ARGS__();                                                                                    \
  }                                                                                                              \
  HOST_KERNEL_##how(name)
// One for each element type.
#define KERNELS(name, how, bounds, Parameters, ...)                     \
  KERNEL(name##_f32, how, bounds, Parameters<float>, __VA_ARGS__)       \
  KERNEL(name##_f16, how, bounds, Parameters<half>, __VA_ARGS__)        \
  KERNEL(name##_bf16, how, bounds, Parameters<bfloat16>, __VA_ARGS__)

// A view of an activation, null where there is none.
template <class T>
struct View {
  T* data;
  int pitch;

  __device__ __forceinline__ T* at(size_t pixel, int channel) const { return data + pixel * pitch + channel; }
  __device__ __forceinline__ explicit operator bool() const { return data; }
};

// What a kernel applies to its input while loading it: relu?(scale*x + shift), per channel. A null scale is one, a null
// shift zero. Lanes that `load` filled with zeros stay zero, whatever the shift.
struct Prologue {
  const float* scale;
  const float* shift;
  int rectify;

  __device__ __forceinline__ Floats operator()(Floats v, int channel, int count) const {
    if (scale) {
      v = fma(widen(load(scale + channel, count)), v, widen(load(shift + channel, count)));
    } else if (shift) {
      v = v + widen(load(shift + channel, count));
    }
    return rectify ? relu(v) : v;
  }
};

// What becomes of a convolution's sums: relu?(v + bias[k] + residual[m,k]), in fp32. residual: a view of y's pixels and
// channels; a null bias or residual is zero.
template <class T>
struct Epilogue {
  const float* bias;
  View<const T> residual;
  int rectify;

  __device__ __forceinline__ float operator()(float v, int k, float r) const {
    if (bias) v += bias[k];
    if (residual) v += r;
    return rectify ? relu(v) : v;
  }
  __device__ __forceinline__ Floats operator()(Floats v, int m, int k, int count) const {
    if (bias) v = v + widen(load(bias + k, count));
    if (residual) v = v + widen(load(residual.at(m, k), count));
    return rectify ? relu(v) : v;
  }
};

// A convolution of any kind, from images of height x width to such of out_height x out_width.
struct ConvGeometry { int images, height, width, out_height, out_width, kernel_h, kernel_w, stride, pad_h, pad_w, groups; };

// The element-wise launch. Block (g, r): g vectors of channels side by side, r pixels; grid (pixels / r, vectors / g),
// both rounded up.
__device__ __forceinline__ int my_pixel() { return int(blockIdx.x * blockDim.y + threadIdx.y); }
__device__ __forceinline__ int my_channel() { return VECTOR * int(blockIdx.y * blockDim.x + threadIdx.x); }
