// conv_wgrad_direct.cu: the gradient by the filters of any convolution, without shared memory and without barriers.
//
//   dw[k,r,s,c] = sum_{n,oh,ow} g[n,oh,ow,k] * z[n, oh*stride - pad_h + r, ow*stride - pad_w + s, c]
//   z = relu?(scale*x + shift) inside the image, 0 outside; null scale: z = x
//
// g, x: views; dw: fp32, KRSC with the channels of a group rounded up to 8, of which the last stay as they are.
// A thread makes 8 k by 8 c of one tap from `chunk` lines of the images; parts > 1 of them are added up by conv_sum.cu:
// dw is then parts x K x R x S x C.
// Launch: block (taps * C vectors, groups * K vectors), at most 32 x 8; grid the same over the block, and the parts.
// FLOP: 2*pixels*K*R*S*C/groups. Bytes: x K/8 and g R*S*C/8 times out of the caches.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-wgrad --engine direct
#include "common.cuh"

template <class T>
__device__ __forceinline__ void conv_wgrad_direct(
    float* dw, const T* g, const T* x, const float* scale, const float* shift, int rectify, int images, int height,
    int width, int out_height, int out_width, int kernel_h, int kernel_w, int stride, int pad_h, int pad_w, int groups,
    int group_channels, int group_outputs, int g_pitch, int x_pitch, int chunk) {
  int column = int(blockIdx.x * blockDim.x + threadIdx.x), row = int(blockIdx.y * blockDim.y + threadIdx.y);
  int across = (group_channels + VECTOR - 1) / VECTOR, down = (group_outputs + VECTOR - 1) / VECTOR;
  int tap = column / across, c = (column - tap * across) * VECTOR, channels = group_channels - c;
  int group = row / down, k = (row - group * down) * VECTOR, outputs = group_outputs - k;
  int taps = kernel_h * kernel_w, r = tap / kernel_w, s = tap - r * kernel_w;
  if (tap >= taps || group >= groups) return;

  int first_channel = group * group_channels + c, first_output = group * group_outputs + k;
  bool affine = scale;
  Floats f, t;
  if (affine) {
    f = widen(load(scale + first_channel, channels));
    t = widen(load(shift + first_channel, channels));
  }
  // The outputs of a line that see a pixel of x under this tap.
  int left = max(0, (pad_w - s + stride - 1) / stride), right = min(out_width, (width - 1 + pad_w - s) / stride + 1);
  if (width - 1 + pad_w - s < 0) right = 0;
  Floats acc[VECTOR];
#pragma unroll
  for (int i = 0; i < VECTOR; i++) acc[i] = filled(0.0f);

  int from = int(blockIdx.z) * chunk;
  for (int line = from; line < min(from + chunk, images * out_height); line++) {
    int n = line / out_height, h = (line - n * out_height) * stride - pad_h + r;
    if (h < 0 || h >= height) continue;
    const T* of_g = g + (size_t(line) * out_width + left) * g_pitch + first_output;
    const T* of_x = x + (size_t(n * height + h) * width + left * stride - pad_w + s) * x_pitch + first_channel;
    for (int ow = left; ow < right; ow++, of_g += g_pitch, of_x += size_t(stride) * x_pitch) {
      Floats z = widen(load(of_x, channels)), gradients = widen(load(of_g, outputs));
      if (affine) z = fma(f, z, t);
      if (rectify) z = relu(z);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) acc[i] = fma(filled(gradients[i]), z, acc[i]);
    }
  }
  size_t pitch = size_t(across) * VECTOR, filter = pitch * taps;
  dw += (size_t(blockIdx.z) * groups * group_outputs + first_output) * filter + tap * pitch + c;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) if (i < outputs) store(dw + i * filter, narrow<float>(acc[i]), channels);
}

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) conv_wgrad_direct_##t(                                           \
      float* dw, const T* g, const T* x, const float* scale, const float* shift, int rectify, int images,            \
      int height, int width, int out_height, int out_width, int kernel_h, int kernel_w, int stride, int pad_h,       \
      int pad_w, int groups, int group_channels, int group_outputs, int g_pitch, int x_pitch, int chunk) {           \
    conv_wgrad_direct(dw, g, x, scale, shift, rectify, images, height, width, out_height, out_width, kernel_h,       \
                      kernel_w, stride, pad_h, pad_w, groups, group_channels, group_outputs, g_pitch, x_pitch,       \
                      chunk);                                                                                        \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(conv_wgrad_direct_##t)
FOR_EACH_DTYPE(KERNEL)
