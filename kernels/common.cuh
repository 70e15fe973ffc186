// common.cuh: what every kernel shares. The layout, the prologue, the element-wise launch.
//
// Activations are NHWC with a channel pitch, in elements: (n,h,w,c) lies at ((n*H + h)*W + w)*pitch + c from the view's
// base. Pitches are multiples of 8. A view may begin at any channel. Channels beyond a view's last are never read: they
// may hold NaN.
#pragma once
#include "vector.cuh"

// M(T, suffix) for each element type that kernels are made for.
#define FOR_EACH_DTYPE(M) M(float, f32) M(half, f16) M(bfloat16, bf16)

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
  const T* residual;
  int residual_pitch, rectify;

  __device__ __forceinline__ const T* residual_at(int m, int k) const {
    return residual + size_t(m) * residual_pitch + k;
  }
  __device__ __forceinline__ float operator()(float v, int k, float r) const {
    if (bias) v += bias[k];
    if (residual) v += r;
    return rectify ? relu(v) : v;
  }
  __device__ __forceinline__ Floats operator()(Floats v, int m, int k, int count) const {
    if (bias) v = v + widen(load(bias + k, count));
    if (residual) v = v + widen(load(residual_at(m, k), count));
    return rectify ? relu(v) : v;
  }
};

// The element-wise launch. Block (g, r): g vectors of channels side by side, r pixels; grid (pixels / r, vectors / g),
// both rounded up.
__device__ __forceinline__ int my_pixel() { return int(blockIdx.x * blockDim.y + threadIdx.y); }
__device__ __forceinline__ int my_channel() { return VECTOR * int(blockIdx.y * blockDim.x + threadIdx.x); }
