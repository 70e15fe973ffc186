// pool_backward.cu: the gradient by the input of a maximum or a mean over windows, with a prologue or without.
//
//   max_pool_taps    taps[n,oh,ow,c]: which of the window's taps, row by row, has the first largest of prologue(x)
//   pool_backward    dz[n,h,w,c] = sum over the windows that have the pixel of g / cells or, with taps, of g where the
//                    pixel is the one; then as through.cuh
//
// Windows as in pool.cu. A pixel asks its windows, so nobody adds to what others add to. Places are whole numbers below
// 256, which bf16 has exactly. taps: output pixels x channels.
// Launch: max_pool_taps element-wise over output pixels (common.cuh); pool_backward over input pixels (strip.cuh).
// Bytes: reads of g, x and a, write of y; a maximum reads x twice, and writes and reads taps.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool-backward,average-pool-backward
#include "through.cuh"

template <class T>
struct MaxPoolTaps {
  View<bfloat16> taps;
  View<const T> x;
  Prologue prologue;
  int images;
  Image in, out;
  Taps high, wide;
  int channels;

  __device__ __forceinline__ void find() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Place at(p, out);
    Window rows(at.h, high, in.height), columns(at.w, wide, in.width);
    int top = high.within(rows.begin - high.first(at.h)), left = wide.within(columns.begin - wide.first(at.w));
    Floats best = filled(-INFINITY), tap = filled(float(top * wide.kernel + left));
    for (int h = rows.begin, row = top * wide.kernel; h < rows.end; h += rows.step, row += wide.kernel) {
      for (int w = columns.begin, place = row + left; w < columns.end; w += columns.step, place++) {
        Floats raw = widen(load(x.at((size_t(at.n) * in.height + h) * in.width + w, c), count));
        Floats z = prologue(raw, c, count);
        tap = greater(z, best, filled(float(place)), tap);
        best = greater(z, best, z, best);
      }
    }
    store(taps.at(p, c), narrow<bfloat16>(tap), count);
  }
};

template <class T>
using PoolBackward = Through<T, Windows<T>>;
KERNELS(max_pool_taps, LOOP, (256), MaxPoolTaps, find)
KERNELS(pool_backward, LOOP, (256, 2), PoolBackward, pass)
