// implicit_gemm.cuh: a convolution with a square kernel as a matrix product, shared by conv1x1.cu and conv3x3.cu.
//
//   y[m,k] = epilogue( sum_{tap,c} z[m,tap,c] * w[k,tap,c] )      m: output pixels, k: output channels
//   z      = relu?(scale*x + shift) at the tap's pixel, 0 outside the image
//
// A block makes ROWS x COLUMNS outputs and walks over the taps and, within each, over the channels, DEPTH at a time. Of
// every step it stages z (loaded one step ahead into registers, the prologue applied in fp32 on the way to shared
// memory) and w. Two multipliers do the rest:
//
//   tensor_cores   fp16, and bf16 from sm_80 on: ldmatrix and mma, two stages of shared memory, w by cp.async,
//                  one barrier a step; a warp makes 32 x 32
//   fused_adds     fp32, and bf16 on sm_75: one stage, two barriers a step; a thread makes 4 x 8
//
// Both have one geometry: block 32*WARPS_M*WARPS_N threads, ROWS = 32*WARPS_M, COLUMNS = 32*WARPS_N.
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

// ---- on tensor cores ------------------------------------------------------------------------------------------------

template <class T, int EDGE, int WARPS_M, int WARPS_N>
__device__ __forceinline__ void tensor_cores(
    T* y, const T* x, const T* w, Prologue prologue, Epilogue<T> epilogue, ConvShape shape) {
  constexpr int ROWS = 32 * WARPS_M, COLUMNS = 32 * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
  constexpr int LINE = DEPTH + 8;  // 80 bytes: the eight rows of an ldmatrix tile fall into different banks
  __shared__ __align__(16) T zs[2][ROWS][LINE], ws[2][COLUMNS][LINE];

  int first_row = int(blockIdx.x) * ROWS, first_column = int(blockIdx.y) * COLUMNS;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int warp_row = warp % WARPS_M * 32, warp_column = warp / WARPS_M * 32;
  size_t filter = size_t(EDGE * EDGE) * shape.channels8();

  Patch<T, EDGE, ROWS, THREADS> patch(x, shape, first_row);
  auto put_patch = [&](int stage) {
    patch.stage(prologue, [&](int row, int column, const Vector<T>& z) {
      store_aligned(&zs[stage][row][column], z);
    });
  };
  auto copy_filters = [&](int stage, const Step<EDGE>& step) {
#pragma unroll
    for (int i = 0; i < COLUMNS * VECTORS / THREADS; i++) {
      int at = int(threadIdx.x) + i * THREADS, column = at / VECTORS, c = at % VECTORS * VECTOR;
      int k = first_column + column, channel = step.channel + c;
      bool exists = k < shape.outputs && channel < shape.channels;
      const T* from = w + (exists ? k * filter + size_t(step.tap()) * shape.channels8() + channel : 0);
      cp_async16(&ws[stage][column][c], from, exists ? 16 : 0);
    }
    cp_async_commit();
  };

  float acc[2][4][4] = {};
  Step<EDGE> step;
  copy_filters(0, step);
  patch.fetch(shape, step);
  put_patch(0);
  cp_async_wait<0>();
  __syncthreads();

  for (int stage = 0; !step.done(); stage ^= 1) {
    Step<EDGE> next = step.next(shape.channels);
    if (!next.done()) {
      copy_filters(stage ^ 1, next);
      patch.fetch(shape, next);
    }
#pragma unroll
    for (int k = 0; k < DEPTH; k += 16) {
      uint32_t a[2][4], b[2][4];  // b[j]: column tiles 2j and 2j + 1, two registers each
#pragma unroll
      for (int i = 0; i < 2; i++) ldmatrix_x4(a[i], &zs[stage][warp_row + 16 * i + lane % 16][k + lane / 16 * 8]);
#pragma unroll
      for (int j = 0; j < 2; j++) {
        ldmatrix_x4(b[j], &ws[stage][warp_column + 16 * j + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
      }
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) mma_m16n8k16<T>(acc[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
    if (!next.done()) put_patch(stage ^ 1);
    cp_async_wait<0>();
    __syncthreads();
    step = next;
  }

  // acc[i][j] = {(g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)} of tile (i, j), g = lane / 4, t = lane % 4.
  bool pairs = aligned<2 * sizeof(T)>(y);
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int half_tile = 0; half_tile < 2; half_tile++) {
      int m = first_row + warp_row + 16 * i + 8 * half_tile + lane / 4;
      if (m >= shape.pixels()) continue;
      T* row = y + size_t(m) * shape.y_pitch;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int k = first_column + warp_column + 8 * j + lane % 4 * 2;
        if (k >= shape.outputs) continue;
        bool both = k + 1 < shape.outputs;
        float r0 = epilogue.residual ? to_float(*epilogue.residual.at(m, k)) : 0.0f;
        float r1 = epilogue.residual && both ? to_float(*epilogue.residual.at(m, k + 1)) : 0.0f;
        T v0 = from_float<T>(epilogue(acc[i][j][2 * half_tile], k, r0));
        T v1 = from_float<T>(both ? epilogue(acc[i][j][2 * half_tile + 1], k + 1, r1) : 0.0f);
        store_pair(row + k, v0, v1, both, pairs);
      }
    }
  }
}

// ---- on the fp32 units ----------------------------------------------------------------------------------------------

// leave(m, k, eight sums): what becomes of them. A thread has eight k, those of its threadIdx.x modulo COLUMNS / 8.
template <class T, int EDGE, int WARPS_M, int WARPS_N, class Leave>
__device__ __forceinline__ void fused_adds(
    const T* x, const T* w, const Prologue& prologue, const ConvShape& shape, Leave leave) {
  constexpr int ROWS = 32 * WARPS_M, COLUMNS = 32 * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
  constexpr int M = 4, N = 8, FILTERS = COLUMNS * VECTORS / THREADS;
  __shared__ __align__(16) float zs[DEPTH][ROWS + 4], ws[DEPTH][COLUMNS + 4];

  int first_row = int(blockIdx.x) * ROWS, first_column = int(blockIdx.y) * COLUMNS;
  int my_row = int(threadIdx.x) / (COLUMNS / N) * M, my_column = int(threadIdx.x) % (COLUMNS / N) * N;
  size_t filter = size_t(EDGE * EDGE) * shape.channels8();

  Patch<T, EDGE, ROWS, THREADS> patch(x, shape, first_row);
  Vector<T> filters[FILTERS];
  auto fetch = [&](const Step<EDGE>& step) {
    patch.fetch(shape, step);
#pragma unroll
    for (int i = 0; i < FILTERS; i++) {
      int at = int(threadIdx.x) + i * THREADS;
      int k = first_column + at / VECTORS, channel = step.channel + at % VECTORS * VECTOR;
      bool exists = k < shape.outputs && channel < shape.channels;
      const T* from = w + (exists ? k * filter + size_t(step.tap()) * shape.channels8() + channel : 0);
      filters[i] = load(from, exists ? VECTOR : 0);
    }
  };

  float acc[M][N] = {};
  Step<EDGE> step;
  fetch(step);
  while (!step.done()) {
    __syncthreads();
    patch.stage(prologue, [&](int row, int column, const Vector<T>& z) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) zs[column + i][row] = to_float(z[i]);
    });
#pragma unroll
    for (int i = 0; i < FILTERS; i++) {
      int at = int(threadIdx.x) + i * THREADS;
#pragma unroll
      for (int j = 0; j < VECTOR; j++) ws[at % VECTORS * VECTOR + j][at / VECTORS] = to_float(filters[i][j]);
    }
    __syncthreads();
    step = step.next(shape.channels);
    if (!step.done()) fetch(step);
#pragma unroll 4
    for (int k = 0; k < DEPTH; k++) {
      float4 a = *reinterpret_cast<const float4*>(&zs[k][my_row]);
      Vector<float> b = load_aligned(&ws[k][my_column]);
      float rows[M] = {a.x, a.y, a.z, a.w};
#pragma unroll
      for (int i = 0; i < M; i++) {
#pragma unroll
        for (int j = 0; j < N; j++) acc[i][j] = fmaf(rows[i], b[j], acc[i][j]);
      }
    }
  }

  int k = first_column + my_column;
  if (k >= shape.outputs) return;
#pragma unroll
  for (int i = 0; i < M; i++) {
    int m = first_row + my_row + i;
    if (m >= shape.pixels()) return;
    leave(m, k, acc[i]);
  }
}

// ---- which of the two -----------------------------------------------------------------------------------------------

template <class T> struct OnTensorCores { static constexpr bool value = false; };
template <> struct OnTensorCores<half> { static constexpr bool value = true; };
template <> struct OnTensorCores<bfloat16> { static constexpr bool value = MMA_BFLOAT16; };

template <class T, int EDGE, int WARPS_M, int WARPS_N>
__device__ __forceinline__ void implicit_gemm(
    T* y, const T* x, const T* w, Prologue prologue, Epilogue<T> epilogue, ConvShape shape) {
  if constexpr (OnTensorCores<T>::value) {
    tensor_cores<T, EDGE, WARPS_M, WARPS_N>(y, x, w, prologue, epilogue, shape);
  } else {
    fused_adds<T, EDGE, WARPS_M, WARPS_N>(x, w, prologue, shape, [&](int m, int k, const float (&sums)[VECTOR]) {
      int count = shape.outputs - k;
      Floats v;
#pragma unroll
      for (int j = 0; j < VECTOR; j++) v[j] = sums[j];
      store(y + size_t(m) * shape.y_pitch + k, narrow<T>(epilogue(v, m, k, count)), count);
    });
  }
}
