// add.cu: the sum at the end of a residual block.
//
//   y[p,c] = relu?(a[p,c] + b[p,c])
//
// a, b, y: views of `pixels` x `channels`. y may be a or b.
// Launch: element-wise (common.cuh). Bytes: two reads, one write. FLOP: 1 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op add
#include "common.cuh"

template <class T>
struct Add {
  View<T> y;
  View<const T> a, b;
  int pixels, channels, rectify;

  __device__ __forceinline__ void add() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats sum = widen(load(a.at(p, c), count)) + widen(load(b.at(p, c), count));
    store(y.at(p, c), narrow<T>(rectify ? relu(sum) : sum), count);
  }
};

KERNELS(add, LOOP, (256), Add, add)
