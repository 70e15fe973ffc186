// conv_wgrad_direct.cu: the gradient by the filters of any convolution, without shared memory and without barriers.
//
//   dw[k,r,s,c] = sum_{n,oh,ow} g[n,oh,ow,k] * z[n, oh*stride - pad_h + r*dilation, ow*stride_w - pad_w + s*dilation_w, c]
//   z = relu?(scale*x + shift) inside the image, 0 outside; null scale: z = x
//
// g, x: views; dw: fp32, KRSC with the channels of a group rounded up to 8, of which the last stay as they are.
// A thread makes 8 k by 8 c of one tap from `chunk` lines of the images; parts > 1 of them are added up by conv_sum.cu:
// dw is then parts x K x R x S x C.
// Launch: block (taps * C vectors, groups * K vectors), at most 32 x 8; grid the same over the block, and the parts.
// FLOP: 2*pixels*K*R*S*C/groups. Bytes: x K/8 and g R*S*C/8 times out of the caches.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-wgrad --engine direct
#include "spacing.cuh"

template <class T>
struct ConvWgradDirect {
  float* dw;
  View<const T> g, x;
  Prologue prologue;
  ConvGeometry geometry;
  Spacing spacing;
  int group_channels, group_outputs, chunk;

  __device__ __forceinline__ void multiply() const {
    auto [images, height, width, out_height, out_width, kernel_h, kernel_w, stride, pad_h, pad_w, groups] = geometry;
    auto [stride_w, dilation, dilation_w] = spacing;
    int column = int(blockIdx.x * blockDim.x + threadIdx.x), row = int(blockIdx.y * blockDim.y + threadIdx.y);
    int across = (group_channels + VECTOR - 1) / VECTOR, down = (group_outputs + VECTOR - 1) / VECTOR;
    int tap = column / across, c = (column - tap * across) * VECTOR, channels = group_channels - c;
    int group = row / down, k = (row - group * down) * VECTOR, outputs = group_outputs - k;
    int taps = kernel_h * kernel_w, r = tap / kernel_w, s = tap - r * kernel_w;
    if (tap >= taps || group >= groups) return;

    int first_channel = group * group_channels + c, first_output = group * group_outputs + k;
    bool affine = prologue.scale;
    Floats f, t;
    if (affine) {
      f = widen(load(prologue.scale + first_channel, channels));
      t = widen(load(prologue.shift + first_channel, channels));
    }
    // The outputs of a line that see a pixel of x under this tap.
    int begin = pad_w - s * dilation_w, end = width - 1 + begin;
    int left = max(0, (begin + stride_w - 1) / stride_w), right = end < 0 ? 0 : min(out_width, end / stride_w + 1);
    Floats acc[VECTOR];
#pragma unroll
    for (int i = 0; i < VECTOR; i++) acc[i] = filled(0.0f);

    int from = int(blockIdx.z) * chunk;
    for (int line = from; line < min(from + chunk, images * out_height); line++) {
      int n = line / out_height, h = (line - n * out_height) * stride - pad_h + r * dilation;
      if (h < 0 || h >= height) continue;
      const T* of_g = g.at(size_t(line) * out_width + left, first_output);
      const T* of_x = x.at(size_t(n * height + h) * width + left * stride_w - begin, first_channel);
      for (int ow = left; ow < right; ow++, of_g += g.pitch, of_x += size_t(stride_w) * x.pitch) {
        Floats z = widen(load(of_x, channels)), gradients = widen(load(of_g, outputs));
        if (affine) z = fma(f, z, t);
        if (prologue.rectify) z = relu(z);
#pragma unroll
        for (int i = 0; i < VECTOR; i++) acc[i] = fma(filled(gradients[i]), z, acc[i]);
      }
    }
    size_t pitch = size_t(across) * VECTOR, filter = pitch * taps;
    float* to = dw + (size_t(blockIdx.z) * groups * group_outputs + first_output) * filter + tap * pitch + c;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) if (i < outputs) store(to + i * filter, narrow<float>(acc[i]), channels);
  }
};

KERNELS(conv_wgrad_direct, LOOP, (256), ConvWgradDirect, multiply)
