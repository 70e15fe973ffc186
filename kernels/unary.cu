// unary.cu: a smooth or bent function of each element, and the gradient.
//
//   unary:           y[p,c]  = f(x[p,c])
//   unary_backward:  dx[p,c] = g[p,c] * f'(x[p,c])
//
// f by its number; a and b are its parameters:
//   0 leaky ReLU    x if x > 0, else a*x               5 GELU          x/2 * erfc(-x/sqrt 2)
//   1 ELU           x if x > 0, else a*(exp(x) - 1)    6 GELU by tanh  x / (1 + exp(-2*u)), u = sqrt(2/pi)*(x + 0.044715*x^3)
//   2 hard sigmoid  a*x + b between 0 and 1            7 tanh
//   3 hard swish    x times (x/6 + 1/2 between 0, 1)   8 exp
//   4 SiLU          x / (1 + exp(-x))                  9 square root   10 absolute value
//   11 error function   12 logarithm   13 1/x   14 softplus log(1 + exp(x))
//
// All: views of `pixels` x `channels`; y may be x, dx may be g or x. All threads of a launch have the same f.
// Launch: element-wise (common.cuh). Bytes: one read, backward two, and one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op leaky-relu,elu,hard,silu,gelu,tanh,exp,sqrt,abs,erf,log,reciprocal,softplus
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }
// Twice the argument of GELU's tanh, and its derivative.
__device__ __forceinline__ float gelu_argument(float x) { return 1.5957691216f * (x + 0.044715f * x * x * x); }
__device__ __forceinline__ float gelu_slope(float x) { return 1.5957691216f * (1.0f + 0.134145f * x * x); }
// The normal distribution function.
__device__ __forceinline__ float normal(float x) { return 0.5f * erfcf(-0.7071067812f * x); }

__device__ __forceinline__ float unary(int function, float x, float a, float b) {
  switch (function) {
    case 0: return x > 0 ? x : a * x;
    case 1: return x > 0 ? x : a * expm1f(x);
    case 2: { float h = a * x + b; return h < 0 ? 0 : h > 1 ? 1 : h; }
    case 3: { float h = x / 6 + 0.5f; return x * (h < 0 ? 0 : h > 1 ? 1 : h); }
    case 4: return x * logistic(x);
    case 5: return x * normal(x);
    case 6: return x * logistic(gelu_argument(x));
    case 7: return tanhf(x);
    case 8: return expf(x);
    case 9: return sqrtf(x);
    case 10: return fabsf(x);
    case 11: return erff(x);
    case 12: return logf(x);
    case 13: return 1.0f / x;
    default: return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)));
  }
}

__device__ __forceinline__ float slope(int function, float x, float a, float b) {
  switch (function) {
    case 0: return x > 0 ? 1 : a;
    case 1: return x > 0 ? 1 : a * expf(x);
    case 2: { float h = a * x + b; return h > 0 && h < 1 ? a : 0; }
    case 3: return x < -3 ? 0 : x <= 3 ? x / 3 + 0.5f : 1;
    case 4: { float s = logistic(x); return s * (1 + x * (1 - s)); }
    case 5: return normal(x) + x * 0.3989422804f * expf(-0.5f * x * x);
    case 6: { float s = logistic(gelu_argument(x)); return s * (1 + x * (1 - s) * gelu_slope(x)); }
    case 7: { float t = tanhf(x); return 1 - t * t; }
    case 8: return expf(x);
    case 9: return 0.5f / sqrtf(x);
    case 10: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case 11: return 1.1283791671f * expf(-x * x);
    case 12: return 1.0f / x;
    case 13: return -1.0f / (x * x);
    default: return logistic(x);
  }
}

template <class T>
struct Unary {
  View<T> y;
  View<const T> x;
  int pixels, channels, function;
  float a, b;

  __device__ __forceinline__ void apply() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats v = widen(load(x.at(p, c), count));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) v[i] = unary(function, v[i], a, b);
    store(y.at(p, c), narrow<T>(v), count);
  }
};

template <class T>
struct UnaryBackward {
  View<T> dx;
  View<const T> g, x;
  int pixels, channels, function;
  float a, b;

  __device__ __forceinline__ void apply() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats d = widen(load(g.at(p, c), count)), v = widen(load(x.at(p, c), count));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) d[i] = d[i] * slope(function, v[i], a, b);
    store(dx.at(p, c), narrow<T>(d), count);
  }
};

KERNELS(unary, LOOP, (256), Unary, apply)
KERNELS(unary_backward, LOOP, (256), UnaryBackward, apply)
