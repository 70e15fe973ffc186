// concat_copy.cu: one input of a concatenation into its channel range, where the plan could not place it there.
//
//   y[p,c] = x[p,c]        bit for bit; y is a slice of the output and may begin at any channel
//
// x, y: views of `pixels` x `channels` that do not overlap.
// Launch: element-wise (common.cuh). Bytes: one read, one write. A concatenation is one launch an input.
// Check: java -m dev.catena/dev.catena.conformance.Main --op concat
#include "common.cuh"

template <class T>
struct ConcatCopy {
  View<T> y;
  View<const T> x;
  int pixels, channels;

  __device__ __forceinline__ void copy() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    store(y.at(p, c), load(x.at(p, c), count), count);
  }
};

KERNELS(concat_copy, LOOP, (256), ConcatCopy, copy)
