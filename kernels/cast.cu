// cast.cu: one element type to another, between views.
//
//   y[p,c] = round(x[p,c])        to nearest, ties to even; NaN stays NaN, what is too large becomes infinite
//
// x, y: views of `pixels` x `channels` that do not overlap.
// Launch: element-wise (common.cuh). Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op copy
#include "common.cuh"

template <class To, class From>
struct Cast {
  View<To> y;
  View<const From> x;
  int pixels, channels;

  __device__ __forceinline__ void cast() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    store(y.at(p, c), narrow<To>(widen(load(x.at(p, c), count))), count);
  }
};

#define CAST(From, from, To, to)               \
  using Cast_##from##_##to = Cast<To, From>;   \
  KERNEL(cast_##from##_##to, LOOP, (256), Cast_##from##_##to, cast)
CAST(float, f32, half, f16)
CAST(float, f32, bfloat16, bf16)
CAST(half, f16, float, f32)
CAST(half, f16, bfloat16, bf16)
CAST(bfloat16, bf16, float, f32)
CAST(bfloat16, bf16, half, f16)
