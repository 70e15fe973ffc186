// y[n,p,c] = x[n,c,p]: fp32 planes to pixels of channels in the storage type, for few channels.
//
// Launch: one block for `pixels` pixels of one image, grid (blocks of an image, images), one thread.
// A vector of each plane is rounded at once and its lanes dealt out to their pixels.
#include "kernel.h"
#include "simd.h"

#include <algorithm>

namespace {

using namespace host;

template <class S>
void fromNchw(const float* x, typename S::Element* y, int area, int channels, int yPitch,
              int pixels) {
  const int first = blockIdx.x * pixels;
  const int last = std::min(first + pixels, area);
  x += (long)blockIdx.y * channels * area;
  y += (long)blockIdx.y * area * yPitch;
  for (int p = first; p < last; p += kLanes) {
    const int count = std::min(kLanes, last - p);
    for (int c = 0; c < channels; c++) {
      const float* plane = x + (long)c * area + p;
      typename S::Element lanes[kLanes];
      S::write(lanes, count == kLanes ? load(plane) : readPart<F32>(plane, count));
      for (int i = 0; i < count; i++) y[(long)(p + i) * yPitch + c] = lanes[i];
    }
  }
}

}  // namespace

#define FROM_NCHW(name, S)                                                                       \
  extern "C" __global__ void name(const float* x, S::Element* y, int area, int channels,         \
                                  int yPitch, int pixels) {                                      \
    fromNchw<S>(x, y, area, channels, yPitch, pixels);                                           \
  }                                                                                              \
  HOST_KERNEL_LOOP(name)

FROM_NCHW(tiled_from_nchw_f32, F32)
FROM_NCHW(tiled_from_nchw_bf16, Bf16)
FROM_NCHW(tiled_from_nchw_f16, F16)
