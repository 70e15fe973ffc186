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

// Of each channel.
struct Four { float c0, c1, c2, c3; };

template <class T>
struct Augment {
  View<T> y;
  const float *x, *random;
  int pixels, height, width, channels, pad, flip;
  Four mean, scale;

  __device__ __forceinline__ void augment() const {
    int p = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (p >= pixels) return;
    int area = height * width, n = p / area, h = (p - n * area) / width, w = p % width;
    Moment now = moment(random);
    Words words = philox(now.seed, now.step, uint64_t(n), ~0u);
    int places = 2 * pad + 1;
    int down = int(uint64_t(words.w[0]) * places >> 32) - pad, right = int(uint64_t(words.w[1]) * places >> 32) - pad;
    int row = h + down, column = (flip && (words.w[2] & 1) ? width - 1 - w : w) + right;
    bool inside = row >= 0 && row < height && column >= 0 && column < width;
    const float* from = x + size_t(n) * channels * area + (inside ? row * width + column : 0);
    float means[4] = {mean.c0, mean.c1, mean.c2, mean.c3}, scales[4] = {scale.c0, scale.c1, scale.c2, scale.c3};
    Vector<T> v;
#pragma unroll
    for (int c = 0; c < VECTOR; c++) v[c] = from_float<T>(0.0f);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      if (c < channels) {
        float value = inside ? from[size_t(c) * area] : 0.0f;
        v[c] = from_float<T>((value - means[c]) * scales[c]);
      }
    }
    store(y.at(p, 0), v, channels);
  }
};

KERNELS(augment, LOOP, (256), Augment, augment)
