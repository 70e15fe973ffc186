// conv_direct.cu: any convolution, without shared memory and without barriers. Right for every shape, and the CPU's own
// loop; the matrix kernels and the libraries are faster on a GPU.
//
//   y[n,oh,ow,k] = relu?( sum_{r,s,c} z[n, oh*stride - pad_h + r*dilation, ow*stride_w - pad_w + s*dilation_w, c] * w[k,r,s,c] + bias[k]
//                        + residual[n,oh,ow,k] )
//   z = relu?(scale*x + shift) inside the image, 0 outside (padding is zero after the activation); null scale: z = x
//
// x, y, residual: views, the last may be null; w: KRSC with the channels of a group rounded up to 8, zero-filled; k of
// group g sees the channels of g.
// A thread makes four outputs of one pixel: 4 x 8 partial sums over k and c modulo 8, added up in a fixed order.
// Launch: block (32 pixels, up to 8 quads of k), grid (pixels / 32, groups * (K/groups / 4) / block.y), rounded up.
// FLOP: 2*pixels*K*R*S*C/groups. Bytes: x R*S*K/32 times out of the caches, once out of memory.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine direct
#include "spacing.cuh"

constexpr int QUAD = 4;  // outputs of a thread

template <class T>
struct ConvDirect {
  View<T> y;
  View<const T> x;
  const T* w;
  Prologue prologue;
  Epilogue<T> epilogue;
  ConvGeometry geometry;
  Spacing spacing;
  int group_channels, group_outputs;

  __device__ __forceinline__ void multiply() const {
    auto [images, height, width, out_height, out_width, kernel_h, kernel_w, stride, pad_h, pad_w, groups] = geometry;
    auto [stride_w, dilation, dilation_w] = spacing;
    int p = int(blockIdx.x * 32 + threadIdx.x), quad = int(blockIdx.y * blockDim.y + threadIdx.y);
    int quads = (group_outputs + QUAD - 1) / QUAD, group = quad / quads;
    if (p >= images * out_height * out_width || group >= groups) return;
    int row = p / out_width, ow = p - row * out_width, n = row / out_height, oh = row - n * out_height;
    int k_in_group = (quad - group * quads) * QUAD, outputs = min(QUAD, group_outputs - k_in_group);
    int k = group * group_outputs + k_in_group, first = group * group_channels;

    int channels8 = (group_channels + VECTOR - 1) / VECTOR * VECTOR;
    size_t filter = size_t(kernel_h) * kernel_w * channels8;
    const T* filters = w + size_t(k) * filter;
    Floats acc[QUAD];
#pragma unroll
    for (int j = 0; j < QUAD; j++) acc[j] = filled(0.0f);

    for (int r = 0; r < kernel_h; r++) {
      int h = oh * stride - pad_h + r * dilation;
      if (h < 0 || h >= height) continue;
      for (int s = 0; s < kernel_w; s++) {
        int v = ow * stride_w - pad_w + s * dilation_w;
        if (v < 0 || v >= width) continue;
        const T* pixel = x.at((size_t(n) * height + h) * width + v, first);
        const T* tap = filters + size_t(r * kernel_w + s) * channels8;
        for (int c = 0; c < group_channels; c += VECTOR) {
          int count = group_channels - c;
          Floats z = prologue(widen(load(pixel + c, count)), first + c, count);
#pragma unroll
          for (int j = 0; j < QUAD; j++) {
            // Beyond the last output the last one is computed again, and not stored.
            acc[j] = fma(z, widen(load_aligned(tap + size_t(min(j, outputs - 1)) * filter + c)), acc[j]);
          }
        }
      }
    }

    Floats sum = filled(0.0f);
#pragma unroll
    for (int j = 0; j < QUAD; j++) {
      const Floats& a = acc[j];
      sum[j] = ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
    }
    store(y.at(p, k), narrow<T>(epilogue(sum, p, k, outputs)), outputs);
  }
};

KERNELS(conv_direct, LOOP, (256), ConvDirect, multiply)
