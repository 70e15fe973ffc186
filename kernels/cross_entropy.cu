// cross_entropy.cu: softmax and cross-entropy with smoothed labels, and the gradient by the logits.
//
//   q[k]  = 1 - smoothing at the label, plus smoothing/K everywhere
//   loss  = weight * mean over rows of  log sum_k exp(x[k] - m) - sum_k q[k]*(x[k] - m),        m = max_k x[k]
//   dx[k] = weight*g/rows * (exp(x[k] - m) / sum - q[k])
//
// A label is a class number in fp32. Of one that is no class the row's loss and gradient are NaN; nothing is
// read there. x, y: views of `rows` x `channels`; losses, loss, g: fp32.
// `cross_entropy`: each row's loss; `cross_entropy_mean`, block (1), their mean; `cross_entropy_backward`. Two forms as
// in softmax.cu: a warp a row, block (32, 4), grid (rows / 4), rounded up; `..._rows`, a thread a row, block (1), grid
// (rows). Bytes: two reads (one from the caches), backward three, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op cross-entropy
#include <cmath>

#include "common.cuh"

template <int LANES>
__device__ __forceinline__ float over_lanes(float v) {
  if constexpr (LANES > 1) {
#pragma unroll
    for (int with = LANES / 2; with > 0; with /= 2) v += __shfl_xor_sync(~0u, v, with);
  }
  return v;
}

// The class that a label names, or NONE.
constexpr int NONE = -1;
__device__ __forceinline__ int class_of(float label, int classes) {
  bool known = label >= 0.0f && label < float(classes);
  int at = known ? int(label) : NONE;
  return known && float(at) == label ? at : NONE;
}

template <int LANES, class T>
__device__ __forceinline__ float largest_of(const T* x, int lane, int channels) {
  float largest = -INFINITY;
  for (int c = lane; c < channels; c += LANES) largest = fmaxf(largest, to_float(x[c]));
  if constexpr (LANES > 1) {
#pragma unroll
    for (int with = LANES / 2; with > 0; with /= 2) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, with));
  }
  return largest;
}

// The row of this thread, or of its warp.
__device__ __forceinline__ int my_row() { return int(blockIdx.x * blockDim.y + threadIdx.y); }

template <class T>
struct CrossEntropy {
  float* losses;
  View<const T> x;
  const float* labels;
  float smoothing;
  int rows, channels;

  template <int LANES>
  __device__ __forceinline__ void loss() const {
    int row = my_row(), lane = LANES > 1 ? int(threadIdx.x) : 0;
    if (row >= rows) return;
    const T* logits = x.at(row, 0);
    float largest = largest_of<LANES>(logits, lane, channels), exponentials = 0.0f, all = 0.0f;
    for (int c = lane; c < channels; c += LANES) {
      float v = to_float(logits[c]) - largest;
      exponentials += expf(v);
      all += v;
    }
    exponentials = over_lanes<LANES>(exponentials);
    all = over_lanes<LANES>(all);
    if (lane > 0) return;
    int at = class_of(labels[row], channels);
    losses[row] = at == NONE ? NAN
                             : logf(exponentials) - (1.0f - smoothing) * (to_float(logits[at]) - largest) -
                                   smoothing / float(channels) * all;
  }
};

template <class T>
struct CrossEntropyBackward {
  View<T> y;
  View<const T> x;
  const float *labels, *g;
  float smoothing, weight;
  int rows, channels;

  template <int LANES>
  __device__ __forceinline__ void gradient() const {
    int row = my_row(), lane = LANES > 1 ? int(threadIdx.x) : 0;
    if (row >= rows) return;
    const T* logits = x.at(row, 0);
    T* to = y.at(row, 0);
    float largest = largest_of<LANES>(logits, lane, channels), sum = 0.0f;
    for (int c = lane; c < channels; c += LANES) sum += expf(to_float(logits[c]) - largest);
    sum = over_lanes<LANES>(sum);
    int at = class_of(labels[row], channels);
    float factor = at == NONE ? NAN : weight * g[0] / float(rows), uniform = smoothing / float(channels);
    for (int c = lane; c < channels; c += LANES) {
      float q = c == at ? 1.0f - smoothing + uniform : uniform;
      to[c] = from_float<T>(factor * (expf(to_float(logits[c]) - largest) / sum - q));
    }
  }
};

struct CrossEntropyMean {
  float* loss;
  const float* losses;
  float weight;
  int rows;

  __device__ __forceinline__ void mean() const {
    float sum = 0.0f;
#pragma unroll 8
    for (int i = 0; i < rows; i++) sum += losses[i];
    loss[0] = weight * sum / float(rows);
  }
};

KERNEL(cross_entropy_mean_f32, LOOP, (32), CrossEntropyMean, mean)
KERNELS(cross_entropy, FIBERS, (128), CrossEntropy, loss<32>)
KERNELS(cross_entropy_rows, LOOP, (32), CrossEntropy, loss<1>)
KERNELS(cross_entropy_backward, FIBERS, (128), CrossEntropyBackward, gradient<32>)
KERNELS(cross_entropy_backward_rows, LOOP, (32), CrossEntropyBackward, gradient<1>)
