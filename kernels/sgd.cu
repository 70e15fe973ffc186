// sgd.cu: stochastic gradient descent with momentum, as torch.optim.SGD has it, over all parameters at once.
//
//   g = gradient / loss scale + decay*w;  v = momentum*v + g;  w = w - rate*(nesterov ? g + momentum*v : v)
//
// w, v, gradient: vectors * 8 floats, 16-byte aligned; copy: what the first `copied` vectors of w become in the type of
// the activations, for networks that compute in 16 bits. numbers: sgd.cuh. Nothing changes where the norm is not
// finite.
// Launch: block (256), grid (vectors / 256), rounded up. Bytes: three reads, two writes, and the copy. FLOP: 8 a value.
// Check: mvn -Dtest=OptimizerTest test
#include <cfloat>

#include "common.cuh"
#include "sgd.cuh"

template <class T>
struct Sgd {
  float *w, *v;
  T* copy;
  const float *gradient, *numbers;
  int vectors, copied;

  __device__ __forceinline__ void step() const {
    int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= vectors || !(numbers[NORM] <= FLT_MAX)) return;
    size_t at = size_t(i) * VECTOR;
    Floats momentum = filled(numbers[MOMENTUM]);
    Floats weights = widen(load_aligned(w + at));
    Floats decayed = fma(filled(numbers[WEIGHT_DECAY]), weights, filled(0.0f));
    Floats g = fma(filled(numbers[UNSCALE]), widen(load_aligned(gradient + at)), decayed);
    Floats velocity = fma(momentum, widen(load_aligned(v + at)), g);
    Floats step = numbers[NESTEROV] != 0.0f ? fma(momentum, velocity, g) : velocity;
    weights = fma(filled(-numbers[LEARNING_RATE]), step, weights);
    store_aligned(v + at, narrow<float>(velocity));
    store_aligned(w + at, narrow<float>(weights));
    if (i < copied) store_aligned(copy + at, narrow<T>(weights));
  }
};

KERNELS(sgd, LOOP, (256), Sgd, step)
