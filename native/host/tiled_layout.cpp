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
struct FromNchw {
  const float* x;
  typename S::Element* y;
  int area, channels, yPitch, pixels;

  void run() const {
    const int first = blockIdx.x * pixels;
    const int last = std::min(first + pixels, area);
    const float* planes = x + (long)blockIdx.y * channels * area;
    typename S::Element* to = y + (long)blockIdx.y * area * yPitch;
    for (int p = first; p < last; p += kLanes) {
      const int count = std::min(kLanes, last - p);
      for (int c = 0; c < channels; c++) {
        const float* plane = planes + (long)c * area + p;
        typename S::Element lanes[kLanes];
        S::write(lanes, count == kLanes ? load(plane) : readPart<F32>(plane, count));
        for (int i = 0; i < count; i++) to[(long)(p + i) * yPitch + c] = lanes[i];
      }
    }
  }
};

}  // namespace

KERNELS(tiled_from_nchw, FromNchw, run)
