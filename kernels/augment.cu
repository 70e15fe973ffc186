// augment.cu: the user's images, dense NCHW in fp32, as activations to train with: shifted, mirrored, normalised.
//
//   y[n,h,w,c] = (x[n,c,h+down,w'+right] - mean[c]) * scale[c],  w' = mirrored ? W-1-w : w;  0 for x outside the image
//   down, right: floor(word * (2*pad+1) / 2^32) - pad; mirrored: the lowest bit; words 0, 1, 2 of Philox at image n
//
// That is a crop from the image with a black frame of `pad` pixels, then perhaps a flip. A thread takes one pixel and
// computes its image's words anew. At most four channels.
// Launch: block (256), grid (pixels / 256) rounded up.
// Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op augment
#include "philox.cuh"

struct Frame { int height, width, channels, y_pitch, pad, flip; };
struct PerChannel { float v[4]; };

template <class T>
__device__ __forceinline__ void augment(T* y, const float* x, const float* random, int pixels, Frame f,
                                        PerChannel mean, PerChannel scale) {
  int p = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (p >= pixels) return;
  int area = f.height * f.width, n = p / area, h = (p - n * area) / f.width, w = p % f.width;
  Moment now = moment(random);
  Words words = philox(now.seed, now.step, uint64_t(n), ~0u);
  int places = 2 * f.pad + 1;
  int down = int(uint64_t(words.w[0]) * places >> 32) - f.pad, right = int(uint64_t(words.w[1]) * places >> 32) - f.pad;
  int row = h + down, column = (f.flip && (words.w[2] & 1) ? f.width - 1 - w : w) + right;
  bool inside = row >= 0 && row < f.height && column >= 0 && column < f.width;
  const float* from = x + size_t(n) * f.channels * area + (inside ? row * f.width + column : 0);
  Vector<T> v;
#pragma unroll
  for (int c = 0; c < VECTOR; c++) v[c] = from_float<T>(0.0f);
#pragma unroll
  for (int c = 0; c < 4; c++) {
    if (c < f.channels) {
      float value = inside ? from[size_t(c) * area] : 0.0f;
      v[c] = from_float<T>((value - mean.v[c]) * scale.v[c]);
    }
  }
  store(y + size_t(p) * f.y_pitch, v, f.channels);
}

#define KERNELS(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) augment_##t(                                                      \
      T* y, const float* x, const float* random, int pixels, int height, int width, int channels, int y_pitch,        \
      int pad, int flip, float mean0, float mean1, float mean2, float mean3, float scale0, float scale1,              \
      float scale2, float scale3) {                                                                                   \
    augment(y, x, random, pixels, Frame{height, width, channels, y_pitch, pad, flip},                                 \
            PerChannel{{mean0, mean1, mean2, mean3}}, PerChannel{{scale0, scale1, scale2, scale3}});                  \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(augment_f32)
HOST_KERNEL_LOOP(augment_f16)
HOST_KERNEL_LOOP(augment_bf16)
