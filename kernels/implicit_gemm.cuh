// implicit_gemm.cuh: the matrix product of patch.cuh by the units that have the type.
#pragma once
#include "fused_adds.cuh"
#include "tensor_cores.cuh"

template <class T> struct OnTensorCores { static constexpr bool value = false; };
template <> struct OnTensorCores<half> { static constexpr bool value = true; };
template <> struct OnTensorCores<bfloat16> { static constexpr bool value = MMA_BFLOAT16; };

template <class T, int EDGE, int WARPS_M, int WARPS_N>
__device__ __forceinline__ void implicit_gemm(
    T* y, const T* x, const T* w, Prologue prologue, Epilogue<T> epilogue, ConvShape shape) {
  if constexpr (OnTensorCores<T>::value) {
    tensor_cores<T, EDGE, WARPS_M, WARPS_N>(y, x, w, prologue, epilogue, shape);
  } else {
    fused_adds<T, EDGE, WARPS_M, WARPS_N>(x, w, prologue, shape, [&](int m, int k, const float (&sums)[VECTOR]) {
      int count = shape.outputs - k;
      Floats v;
#pragma unroll
      for (int j = 0; j < VECTOR; j++) v[j] = sums[j];
      store(y + size_t(m) * shape.y_pitch + k, narrow<T>(epilogue(v, m, k, count)), count);
    });
  }
}
