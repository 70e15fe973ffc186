// conv_dgrad_direct.cu: the gradient by the input of any convolution, without shared memory and without barriers.
//
//   da[n,h,w,c] = sum_{r,s,k} g[n,oh,ow,k] * filters[k,r,s,c]
//   where h = oh*stride - pad_h + r*dilation, w = ow*stride_w - pad_w + s*dilation_w
//
// and dx and the sums of da as in gradient.cuh. g, dx, x, a: views; filters: KRSC with the channels of a group rounded
// up to 8; k of group q sees the channels of q. sums: parts x 2 x channels, for conv_sum.cu; part i has `chunk` pixels.
// A thread makes 32 channels of the pixels of one part.
// Launch: block (8 parts, up to 16 blocks of 32 channels), grid (parts / 8, groups * (C/groups / 32) / block.y),
// rounded up.
// FLOP: 2*pixels*C*R*S*K/groups, over stride^2. Bytes: g R*S*C/32 times out of the caches, once out of memory.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-dgrad --engine direct
#include "gradient.cuh"
#include "spacing.cuh"

constexpr int BLOCK = 4;  // vectors of a thread

template <class T>
struct ConvDgradDirect {
  InputGradient<T> to;
  View<const T> g;
  const T* filters;
  float* sums;
  ConvGeometry geometry;
  Spacing spacing;
  int group_outputs, chunk;

  __device__ __forceinline__ void multiply() const {
    auto [images, height, width, out_height, out_width, kernel_h, kernel_w, stride, pad_h, pad_w, groups] = geometry;
    auto [stride_w, dilation, dilation_w] = spacing;
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
    const T* from_filters = filters + size_t(group) * group_outputs * filter + first * VECTOR;

    for (int p = from; p < min(from + chunk, pixels); p++) {
      int line = p / width, v = p - line * width, n = line / height, h = line - n * height;
      Floats da[BLOCK];
#pragma unroll
      for (int j = 0; j < BLOCK; j++) da[j] = filled(0.0f);
      for (int r = 0; r < kernel_h; r++) {
        int up = h + pad_h - r * dilation, oh = up / stride;
        if (up < 0 || oh * stride != up || oh >= out_height) continue;
        for (int s = 0; s < kernel_w; s++) {
          int left = v + pad_w - s * dilation_w, ow = left / stride_w;
          if (left < 0 || ow * stride_w != left || ow >= out_width) continue;
          const T* pixel = g.at(size_t(n * out_height + oh) * out_width + ow, group * group_outputs);
          const T* tap = from_filters + (r * kernel_w + s) * row;
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
    if (!to.prologue.scale) return;
#pragma unroll
    for (int j = 0; j < BLOCK; j++) if (j < vectors) columns[j].store(sums, part, to.channels);
  }
};

KERNELS(conv_dgrad_direct, LOOP, (128, 2), ConvDgradDirect, multiply)
