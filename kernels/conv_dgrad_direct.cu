// conv_dgrad_direct.cu: the gradient by the input of any convolution, without shared memory and without barriers.
//
//   da[n,h,w,c] = sum_{r,s,k} g[n,oh,ow,k] * filters[k,r,s,c]
//   where h = oh*stride - pad_h + r, w = ow*stride - pad_w + s
//
// and dx and the sums of da as in gradient.cuh. g, dx, x, a: views; filters: KRSC with the channels of a group rounded
// up to 8; k of group q sees the channels of q. sums: parts x 2 x channels, for conv_sum.cu; part i has `chunk` pixels.
// A thread makes 32 channels of the pixels of one part.
// Launch: block (8 parts, up to 16 blocks of 32 channels), grid (parts / 8, groups * (C/groups / 32) / block.y),
// rounded up.
// FLOP: 2*pixels*C*R*S*K/groups, over stride^2. Bytes: g R*S*C/32 times out of the caches, once out of memory.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-dgrad --engine direct
#include "gradient.cuh"

constexpr int BLOCK = 4;  // vectors of a thread

template <class T>
__device__ __forceinline__ void conv_dgrad_direct(
    const InputGradient<T>& to, const T* g, const T* filters, float* sums, int images, int height, int width,
    int out_height, int out_width, int kernel_h, int kernel_w, int stride, int pad_h, int pad_w, int groups,
    int group_outputs, int g_pitch, int chunk) {
  int part = int(blockIdx.x * blockDim.x + threadIdx.x), block = int(blockIdx.y * blockDim.y + threadIdx.y);
  int group_channels = to.channels / groups, vectors = (group_channels + VECTOR - 1) / VECTOR;
  int blocks = (vectors + BLOCK - 1) / BLOCK, group = block / blocks, first = (block - group * blocks) * BLOCK;
  int pixels = images * height * width, from = part * chunk;
  if (from >= pixels || group >= groups) return;
  vectors = min(BLOCK, vectors - first);

  GradientSums columns[BLOCK];
#pragma unroll
  for (int j = 0; j < BLOCK; j++) {
    columns[j].c = group * group_channels + (first + j) * VECTOR;
    columns[j].count = (group + 1) * group_channels - columns[j].c;
  }
  size_t row = (group_channels + VECTOR - 1) / VECTOR * VECTOR, filter = row * kernel_h * kernel_w;
  filters += size_t(group) * group_outputs * filter + first * VECTOR;
  g += group * group_outputs;

  for (int p = from; p < min(from + chunk, pixels); p++) {
    int line = p / width, v = p - line * width, n = line / height, h = line - n * height;
    Floats da[BLOCK];
#pragma unroll
    for (int j = 0; j < BLOCK; j++) da[j] = filled(0.0f);
    for (int r = 0; r < kernel_h; r++) {
      int up = h + pad_h - r, oh = up / stride;
      if (up < 0 || oh * stride != up || oh >= out_height) continue;
      for (int s = 0; s < kernel_w; s++) {
        int left = v + pad_w - s, ow = left / stride;
        if (left < 0 || ow * stride != left || ow >= out_width) continue;
        const T* pixel = g + (size_t(n * out_height + oh) * out_width + ow) * g_pitch;
        const T* tap = filters + (r * kernel_w + s) * row;
#pragma unroll 1
        for (int k = 0; k < group_outputs; k++) {
          Floats gk = filled(to_float(pixel[k]));
#pragma unroll
          for (int j = 0; j < BLOCK; j++) {
            // Beyond the last vector the last one is computed again, and not stored.
            da[j] = fma(gk, widen(load_aligned(tap + k * filter + min(j, vectors - 1) * VECTOR)), da[j]);
          }
        }
      }
    }
#pragma unroll
    for (int j = 0; j < BLOCK; j++) {
      GradientSums& column = columns[j];
      if (j < vectors) column.add(to, PrologueFactors(to, column.c, column.count), p, da[j]);
    }
  }
  if (!to.scale) return;
#pragma unroll
  for (int j = 0; j < BLOCK; j++) if (j < vectors) columns[j].store(sums, part, to.channels);
}

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(128, 2) conv_dgrad_direct_##t(                                        \
      T* dx, const T* g, const T* filters, const T* x, const float* scale, const float* shift, const float* mean,    \
      const T* a, float* sums, int rectify, int channels, int dx_pitch, int x_pitch, int a_pitch, int images,        \
      int height, int width, int out_height, int out_width, int kernel_h, int kernel_w, int stride, int pad_h,       \
      int pad_w, int groups, int group_outputs, int g_pitch, int chunk) {                                            \
    conv_dgrad_direct(InputGradient<T>{dx, x, a, scale, shift, mean, rectify, channels, dx_pitch, x_pitch, a_pitch}, \
                      g, filters, sums, images, height, width, out_height, out_width, kernel_h, kernel_w, stride,    \
                      pad_h, pad_w, groups, group_outputs, g_pitch, chunk);                                          \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(conv_dgrad_direct_##t)
FOR_EACH_DTYPE(KERNEL)
