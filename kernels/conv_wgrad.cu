// conv_wgrad.cu: the gradient by the filters of a convolution with one group, as a matrix product over all pixels.
//
//   dw[k,r,s,c] = sum_{n,oh,ow} g[n,oh,ow,k] * z[n, oh*stride - pad_h + r, ow*stride - pad_w + s, c]
//   z = relu?(scale*x + shift) inside the image, 0 outside; null scale: z = x
//
// g, x: views; dw: fp32, KRSC, C rounded up to 8, of which the last stay as they are. Block x of the grid sums over its
// share of the pixels; where there are several, dw is parts x KRSC and conv_sum.cu adds them up.
//
// convE_wgrad_RxC (fp16, bf16; stride 1, or 1x1 with any; sm_80): a block makes R filters by C channels of all taps.
//   A step is 32 pixels (1x1) or an area of `lines` by `columns`, at most 128 (3x3), with the patch that its taps see;
//   copies are asynchronous, the prologue is applied in shared memory by the thread that copied. Both factors lie with
//   their pixels in rows, so ldmatrix transposes them. x begins on 16 bytes; a prologue always has its ReLU.
//   Launch: block 256, or 128 for 64x64; grid (parts, K / R, C / C), rounded up.
// conv_wgrad (any type, shape and view): on the fp32 units, 64 filters by 64 channels of one tap, 32 pixels a step.
//   Launch: block 128; grid (parts, K / 64, taps * C / 64), rounded up.
//
// FLOP: 2*pixels*K*R*S*C. Bytes: x K/R and g C/C times, mostly from L2. A 1x1 of a dense layer (K = 128, C = 512) moves
// 2*(512 + 4*128) bytes a pixel through L2 for 65536 multiply-adds; a 3x3 (K = 32, C = 128) 2*1.5*128 + 4*32 for 36864.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-wgrad --engine kernel
#include "pipeline.cuh"

// Where a block's sums go.
struct WgradTarget {
  float* dw;
  int taps, outputs, channels, pitch;

  __device__ __forceinline__ WgradTarget(float* dw, int taps, const ConvShape& shape)
      : dw(dw + size_t(blockIdx.x) * shape.outputs * taps * shape.channels8()),
        taps(taps), outputs(shape.outputs), channels(shape.channels), pitch(shape.channels8()) {}
  __device__ __forceinline__ float* at(int k, int tap, int c) const {
    return dw + (size_t(k) * taps + tap) * pitch + c;
  }
};

// 1x1: 32 pixels after the other.
struct PixelSteps {
  static constexpr int EDGE = 1, PIXELS = 32;

  __device__ __forceinline__ Pixels at(int step) const { return {step * PIXELS}; }
  __device__ __forceinline__ int patch_pixels() const { return PIXELS; }
  __device__ __forceinline__ int patch_width() const { return PIXELS; }
  __device__ __forceinline__ int pixels() const { return PIXELS; }
  __device__ __forceinline__ static Corner corner(const Pixels&, int m, const ConvShape&) { return {m}; }
};

// 3x3: areas from left to right, then further down.
struct LineSteps {
  static constexpr int EDGE = 3, PIXELS = 128;
  int lines, columns, across;

  __device__ __forceinline__ Lines at(int step) const {
    int down = step / across;
    return {down * lines, (step - down * across) * columns, lines, columns};
  }
  __device__ __forceinline__ int patch_pixels() const { return (lines + 2) * (columns + 2); }
  __device__ __forceinline__ int patch_width() const { return columns + 2; }
  __device__ __forceinline__ int pixels() const { return lines * columns; }
  __device__ __forceinline__ static Corner corner(const Lines& area, int m, const ConvShape& shape) {
    return area.corner(m, shape);
  }
};

template <class T, class Steps, int WARPS_M, int WARPS_N, int TILES_M, int TILES_N, int STAGES>
struct WgradPipeline : Warps<WARPS_M, WARPS_N, TILES_M, TILES_N> {
  using Block = Warps<WARPS_M, WARPS_N, TILES_M, TILES_N>;
  using Block::ROWS, Block::COLUMNS, Block::THREADS, Block::lane, Block::warp_row, Block::warp_column;
  static constexpr int EDGE = Steps::EDGE, TAPS = EDGE * EDGE, PIXELS = Steps::PIXELS;
  static constexpr int DOWN = ROWS / VECTOR, ACROSS = COLUMNS / VECTOR;
  static_assert(THREADS % ACROSS == 0 && PIXELS % 32 == 0);

  const T *g, *x;
  Prologue prologue;
  ConvShape shape;
  Steps steps;
  int first_row, first_column;
  T *zeros, *stages;
  bool g_aligned;
  float acc[TAPS][TILES_M][TILES_N][4] = {};

  __device__ __forceinline__ WgradPipeline(T* shared, const T* g, const T* x, const Prologue& prologue,
                                           const ConvShape& shape, const Steps& steps)
      : g(g), x(x), prologue(prologue), shape(shape), steps(steps), first_row(int(blockIdx.y) * ROWS),
        first_column(int(blockIdx.z) * COLUMNS), zeros(shared), stages(shared + 8 * VECTOR), g_aligned(aligned<16>(g)) {
    if (threadIdx.x == 0) store_aligned(zeros, narrow<T>(filled(0.0f)));
  }

  __device__ __forceinline__ T* patch(int stage) const {
    return stages + stage * (steps.patch_pixels() * COLUMNS + PIXELS * ROWS);
  }
  __device__ __forceinline__ T* gradients(int stage) const { return patch(stage) + steps.patch_pixels() * COLUMNS; }

  template <class Area>
  __device__ __forceinline__ void copy(int stage, const Area& area) const {
    int c = int(threadIdx.x) % ACROSS, channel = first_column + c * VECTOR;
    int channels = max(0, min(VECTOR, shape.channels - channel));
    for (int p = int(threadIdx.x) / ACROSS; p < steps.patch_pixels(); p += THREADS / ACROSS) {
      int pixel = area.source(p, shape);
      bool exists = pixel >= 0 && channels > 0;
      cp_async16(patch(stage) + swizzled_vector<ACROSS>(p, c), exists ? x + size_t(pixel) * shape.x_pitch + channel : x,
                 exists ? channels * int(sizeof(T)) : 0);
    }
    for (int i = threadIdx.x; i < PIXELS * DOWN; i += THREADS) {
      int m = i / DOWN, k = i % DOWN, output = first_row + k * VECTOR, pixel = area.target(m, shape);
      int outputs = pixel < 0 ? 0 : max(0, min(VECTOR, shape.outputs - output));
      T* to = gradients(stage) + swizzled_vector<DOWN>(m, k);
      const T* from = outputs > 0 ? g + size_t(pixel) * shape.y_pitch + output : g;
      if (g_aligned) {
        cp_async16(to, from, outputs * int(sizeof(T)));
      } else {
        store_aligned(to, load(from, outputs));
      }
    }
  }

  // Applies the prologue to what this thread copied. Pixels outside stay zero: padding is zero after the activation.
  template <class Area>
  __device__ __forceinline__ void activate(int stage, const Area& area) const {
    int c = int(threadIdx.x) % ACROSS, channel = first_column + c * VECTOR, channels = shape.channels - channel;
    Floats scale = widen(load(prologue.scale + channel, channels));
    Floats shift = widen(load(prologue.shift + channel, channels));
    for (int p = int(threadIdx.x) / ACROSS; p < steps.patch_pixels(); p += THREADS / ACROSS) {
      if (area.source(p, shape) < 0) continue;
      T* at = patch(stage) + swizzled_vector<ACROSS>(p, c);
      store_aligned(at, narrow<T>(relu(fma(scale, widen(load_aligned(at)), shift))));
    }
  }

  // acc += g * z of a stage, 32 pixels at a time.
  template <class Area>
  __device__ __forceinline__ void multiply(int stage, const Area& area) {
    const T *of_z = patch(stage), *of_g = gradients(stage);
#pragma unroll 1
    for (int first = 0; first < steps.pixels(); first += 32) {
      uint32_t a[2][TILES_M][4];
#pragma unroll
      for (int half_step = 0; half_step < 2; half_step++) {
#pragma unroll
        for (int i = 0; i < TILES_M; i++) {
          int m = first + 16 * half_step + lane() / 16 * 8 + lane() % 8;
          int k = (warp_row() + 16 * i) / VECTOR + lane() / 8 % 2;
          ldmatrix_x4_transposed(a[half_step][i], of_g + swizzled_vector<DOWN>(m, k));
        }
      }
      Corner corner = Steps::corner(area, first + lane(), shape);
#pragma unroll
      for (int r = 0; r < EDGE; r++) {
        bool outside = EDGE > 1 && (corner.borders & (r == 0 ? TOP : r == EDGE - 1 ? BOTTOM : 0));
#pragma unroll
        for (int s = 0; s < EDGE; s++) {
          int row = corner.pixel + r * steps.patch_width() + s;
#pragma unroll
          for (int j = 0; j < TILES_N; j++) {
            uint32_t b[4];
            ldmatrix_x4_transposed(b, outside ? zeros : of_z + swizzled_vector<ACROSS>(row, warp_column() / VECTOR + j));
#pragma unroll
            for (int i = 0; i < TILES_M; i++) {
              mma_m16n8k16<T>(acc[r * EDGE + s][i][j], a[0][i], b[0], b[1]);
              mma_m16n8k16<T>(acc[r * EDGE + s][i][j], a[1][i], b[2], b[3]);
            }
          }
        }
      }
    }
  }

  template <bool AFFINE>
  __device__ __forceinline__ void accumulate(int first, int end) {
    auto copy_step = [this](int stage, int step) { copy(stage, steps.at(step)); };
    start_ring<STAGES>(first, end, 1, copy_step);
    turn_ring<STAGES>(
        first, end, 1,
        [this](int stage, int step) {
          if constexpr (AFFINE) activate(stage, steps.at(step));
        },
        copy_step, [this](int stage, int step) { multiply(stage, steps.at(step)); });
  }

  __device__ __forceinline__ void store(const WgradTarget& to) const {
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++) {
#pragma unroll
      for (int i = 0; i < TILES_M; i++) {
#pragma unroll
        for (int below = 0; below < 2; below++) {
          int k = first_row + warp_row() + 16 * i + 8 * below + lane() / 4;
          if (k >= to.outputs) continue;
#pragma unroll
          for (int j = 0; j < TILES_N; j++) {
            int c = first_column + warp_column() + 8 * j + lane() % 4 * 2;
            const float* v = acc[tap][i][j] + 2 * below;
            if (c < to.channels) store_pair(to.at(k, tap, c), v[0], v[1], c + 1 < to.channels, true);
          }
        }
      }
    }
  }
};

template <class T>
struct ConvWgrad {
  float* dw;
  const T *g, *x;
  Prologue prologue;
  ConvShape shape;  // x_pitch is that of x, y_pitch that of g
  int kernel_h, kernel_w, pad_h, pad_w;
  int all, each;       // steps, and those of a block; on the fp32 units `each` are pixels
  int lines, columns;  // of a step of the 3x3 `pipeline`

  // On the fp32 units.
  __device__ __forceinline__ void adds() const {
    constexpr int STEP = 32, TILE = 64, THREADS = 128, LINE = TILE + 4, M = 4, ACROSS = TILE / VECTOR;
    constexpr int LOADS = STEP * ACROSS / THREADS;
    __shared__ __align__(16) float gs[STEP][LINE], zs[STEP][LINE];
    int tiles = (shape.channels + TILE - 1) / TILE, tap = int(blockIdx.z) / tiles;
    int first_k = int(blockIdx.y) * TILE, first_c = (int(blockIdx.z) - tap * tiles) * TILE;
    int r = tap / kernel_w, s = tap - r * kernel_w;
    int from = int(blockIdx.x) * each, end = min(from + each, shape.pixels());
    int across = int(threadIdx.x) % ACROSS * VECTOR, row = int(threadIdx.x) / ACROSS;
    int k = first_k + across, c = first_c + across, channels = shape.channels - c;
    Floats scale = filled(0.0f), shift = filled(0.0f);
    if (prologue.scale) {
      scale = widen(load(prologue.scale + c, channels));
      shift = widen(load(prologue.shift + c, channels));
    }

    Vector<T> gradients[LOADS], raw[LOADS];
    bool inside[LOADS];
    auto fetch = [&](int first) {
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        int m = first + row + i * (THREADS / ACROSS), line = m / shape.out_width, n = line / shape.out_height;
        int h = (line - n * shape.out_height) * shape.stride - pad_h + r;
        int w = (m - line * shape.out_width) * shape.stride - pad_w + s;
        bool exists = m < end;
        inside[i] = exists && unsigned(h) < unsigned(shape.height) && unsigned(w) < unsigned(shape.width);
        gradients[i] = load(g + (exists ? size_t(m) * shape.y_pitch + k : 0), exists ? shape.outputs - k : 0);
        raw[i] = load(x + (inside[i] ? (size_t(n * shape.height + h) * shape.width + w) * shape.x_pitch + c : 0),
                      inside[i] ? channels : 0);
      }
    };

    float acc[M][VECTOR] = {};
    int my_row = int(threadIdx.x) / ACROSS * M;
    fetch(from);
    for (int first = from; first < end; first += STEP) {
      __syncthreads();
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        Floats z = widen(raw[i]);
        if (prologue.scale) z = fma(scale, z, shift);
        if (prologue.rectify) z = relu(z);
        int p = row + i * (THREADS / ACROSS);
        store_aligned(&zs[p][across], narrow<float>(inside[i] ? z : filled(0.0f)));  // zero after the activation
        store_aligned(&gs[p][across], narrow<float>(widen(gradients[i])));
      }
      __syncthreads();
      if (first + STEP < end) fetch(first + STEP);
#pragma unroll 4
      for (int p = 0; p < STEP; p++) {
        float4 a = *reinterpret_cast<const float4*>(&gs[p][my_row]);
        Vector<float> b = load_aligned(&zs[p][across]);
        float rows[M] = {a.x, a.y, a.z, a.w};
#pragma unroll
        for (int i = 0; i < M; i++) {
#pragma unroll
          for (int j = 0; j < VECTOR; j++) acc[i][j] = fmaf(rows[i], b[j], acc[i][j]);
        }
      }
    }
    WgradTarget target(dw, kernel_h * kernel_w, shape);
#pragma unroll
    for (int i = 0; i < M; i++) {
      int to = first_k + my_row + i;
      if (to < shape.outputs && channels > 0) store(target.at(to, tap, c), load_aligned(acc[i]), channels);
    }
  }

  // On tensor cores.
  template <int EDGE, int WARPS_M, int WARPS_N, int TILES_M, int TILES_N, int STAGES>
  __device__ __forceinline__ void pipeline() const {
#if HAS_PIPELINES
    using Steps = std::conditional_t<EDGE == 1, PixelSteps, LineSteps>;
    using Block = WgradPipeline<T, Steps, WARPS_M, WARPS_N, TILES_M, TILES_N, STAGES>;
    DYNAMIC_SHARED(T, shared);
    Steps steps{};
    if constexpr (EDGE > 1) steps = {lines, columns, (shape.width + columns - 1) / columns};
    Block block(shared, g, x, prologue, shape, steps);
    int first = int(blockIdx.x) * each, end = min(first + each, all);
    if (prologue.scale) {
      block.template accumulate<true>(first, end);
    } else {
      block.template accumulate<false>(first, end);
    }
    block.store(WgradTarget(dw, Block::TAPS, shape));
#endif
  }
};

KERNELS(conv_wgrad, FIBERS, (128, 3), ConvWgrad, adds)

// ROWS = 16 * M * TM, COLUMNS = 8 * N * TN: M x N warps of TM x TN tiles. BLOCKS on a multiprocessor of sm_80.
#define PIPELINE(T, t, E, ROWS, COLUMNS, M, N, TM, TN, STAGES, BLOCKS)                                              \
  KERNEL(conv##E##x##E##_wgrad_##ROWS##x##COLUMNS##_##t, FIBERS, (32 * M * N, BLOCKS), ConvWgrad<T>,                 \
         pipeline<E, M, N, TM, TN, STAGES>)
#define PIPELINES(T, t)                           \
  PIPELINE(T, t, 1, 128, 128, 4, 2, 2, 8, 4, 1)   \
  PIPELINE(T, t, 1, 128, 64, 4, 2, 2, 4, 4, 2)    \
  PIPELINE(T, t, 1, 64, 64, 2, 2, 2, 4, 4, 4)     \
  PIPELINE(T, t, 3, 32, 64, 1, 8, 2, 1, 2, 1)     \
  PIPELINE(T, t, 3, 16, 64, 1, 8, 1, 1, 2, 2)
PIPELINES(half, f16)
PIPELINES(bfloat16, bf16)
