// patch.cuh: a convolution with a square kernel as a matrix product, the part that tensor_cores.cuh and fused_adds.cuh
// share: its shape, its steps, and how a block loads what it multiplies.
//
//   y[m,k] = epilogue( sum_{tap,c} z[m,tap,c] * w[k,tap,c] )      m: output pixels, k: output channels
//   z      = relu?(scale*x + shift) at the tap's pixel, 0 outside the image
//
// A block makes ROWS x COLUMNS outputs and walks over the taps and, within each, over the channels, DEPTH at a time. Of
// every step it stages z (loaded one step ahead into registers, the prologue applied in fp32 on the way to shared
// memory) and w. Both multipliers have one geometry: block 32*WARPS_M*WARPS_N threads, ROWS = 32*WARPS_M, COLUMNS =
// 32*WARPS_N.
#pragma once
#include "ptx.cuh"

struct ConvShape {
  int images, height, width, out_height, out_width, stride, channels, outputs, y_pitch, x_pitch;

  __device__ __forceinline__ int pixels() const { return images * out_height * out_width; }
  __device__ __forceinline__ int channels8() const { return (channels + VECTOR - 1) / VECTOR * VECTOR; }
};

constexpr int DEPTH = 32;                  // channels a step
constexpr int VECTORS = DEPTH / VECTOR;    // of each row in a step

// Where a block stands in its sum.
template <int EDGE>
struct Step {
  int r = 0, s = 0, channel = 0;

  __device__ __forceinline__ int tap() const { return r * EDGE + s; }
  __device__ __forceinline__ bool done() const { return r == EDGE; }
  __device__ __forceinline__ Step next(int channels) const {
    Step n = *this;
    n.channel += DEPTH;
    if (n.channel >= channels) {
      n.channel = 0;
      if (++n.s == EDGE) n.s = 0, ++n.r;
    }
    return n;
  }
};

// The part of z that one thread stages: one vector of channels of N rows.
template <class T, int EDGE, int ROWS, int THREADS>
struct Patch {
  static constexpr int N = ROWS * VECTORS / THREADS;
  const T* image[N];   // the row's image, at this thread's channel
  int h[N], w[N];      // of its first tap; a row beyond the last pixel lies outside at every tap
  Vector<T> raw[N];
  bool inside[N];
  int channel, count;  // of the fetched step

  __device__ __forceinline__ static int row(int i) { return (int(threadIdx.x) + i * THREADS) / VECTORS; }
  __device__ __forceinline__ static int column() { return int(threadIdx.x) % VECTORS * VECTOR; }

  __device__ __forceinline__ Patch(const T* x, const ConvShape& shape, int first_row) {
#pragma unroll
    for (int i = 0; i < N; i++) {
      int m = first_row + row(i), line = m / shape.out_width, n = line / shape.out_height;
      bool exists = m < shape.pixels();
      w[i] = (m - line * shape.out_width) * shape.stride - EDGE / 2;
      h[i] = exists ? (line - n * shape.out_height) * shape.stride - EDGE / 2 : -EDGE;
      image[i] = x + (exists ? size_t(n) * shape.height * shape.width * shape.x_pitch : 0) + column();
    }
  }

  __device__ __forceinline__ void fetch(const ConvShape& shape, const Step<EDGE>& step) {
    channel = step.channel + column();
    count = shape.channels - channel;
#pragma unroll
    for (int i = 0; i < N; i++) {
      int row = h[i] + step.r, col = w[i] + step.s;
      inside[i] = unsigned(row) < unsigned(shape.height) && unsigned(col) < unsigned(shape.width);
      raw[i] = load(image[i] + (inside[i] ? size_t(row * shape.width + col) * shape.x_pitch + step.channel : 0),
                    inside[i] ? count : 0);
    }
  }

  // put(row, column, z)
  template <class Put>
  __device__ __forceinline__ void stage(const Prologue& prologue, Put put) const {
    if (!prologue.scale) {
#pragma unroll
      for (int i = 0; i < N; i++) put(row(i), column(), raw[i]);
      return;
    }
    Floats s = widen(load(prologue.scale + channel, count)), t = widen(load(prologue.shift + channel, count));
#pragma unroll
    for (int i = 0; i < N; i++) {
      Floats z = fma(s, widen(raw[i]), t);
      if (prologue.rectify) z = relu(z);
      put(row(i), column(), narrow<T>(inside[i] ? z : filled(0.0f)));  // zero after the activation
    }
  }
};
