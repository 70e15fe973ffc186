// conv_dgrad.cu: the gradient by the input of 1x1 and of padded 3x3 convolutions, stride 1, as a convolution of g with
// the filters turned round: the bottleneck's and the growth's of a dense layer.
//
//   da[n,h,w,c]     = sum_{r,s,k} g[n, h - 1 + r, w - 1 + s, k] * turned[c,r,s,k]
//   turned[c,r,s,k] = filters[k, R - 1 - r, S - 1 - s, c]
//
// and dx and the sums of da as in gradient.cuh. g, dx, x, a: views; turned: CRSK, K rounded up to 8 and zero-filled.
// sums: parts x 2 x channels, for conv_sum.cu; part i are the pixels of block i.
//
// turn_filters: filters KRSC to turned. Launch: element-wise (common.cuh) over C*R*S rows of K.
// convE_dgrad_RxC (fp16, bf16, fp32 in TF32; sm_80): a block makes R pixels by C channels (pipeline.cuh); for 1x1 and
//   in TF32 g begins on 16 bytes. Launch: as convE_RxC; shared memory: the stages that its steps need, or the tile in
//   fp32.
// convE_dgrad (fp32, any view, sm_75): fused_adds.cuh.
//   Launch: 1x1 block 256, grid (pixels / 64, C / 128); 3x3 block 128, grid (pixels / 64, C / 64), rounded up.
//
// FLOP: 2*pixels*R*S*K*C. Bytes: g, x and a once, dx once; the filters once a block (L2). A 1x1 of a dense layer (K =
// 128, C = 512) does 64 FLOP a byte: bound by memory on sm_90.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv-dgrad --engine kernel
#include "gradient.cuh"
#include "pipeline.cuh"

template <class T>
struct TurnFilters {
  T* turned;
  const T* filters;
  int outputs, channels, taps;

  __device__ __forceinline__ void turn() const {
    int row = my_pixel(), k = my_channel();
    if (row >= channels * taps || k >= outputs) return;
    int c = row / taps, tap = taps - 1 - (row - c * taps);
    int from_pitch = (channels + VECTOR - 1) / VECTOR * VECTOR, to_pitch = (outputs + VECTOR - 1) / VECTOR * VECTOR;
    Vector<T> v;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      v[i] = k + i < outputs ? filters[(size_t(k + i) * taps + tap) * from_pitch + c] : from_float<T>(0.0f);
    }
    store_aligned(turned + size_t(row) * to_pitch + k, v);
  }
};

// The finished tile: where its rows' halves of vectors are, four channels each. Neither eight threads that read 16 bytes
// of neighbouring vectors nor sixteen that write pairs of four rows share a bank.
template <int COLUMNS>
struct GradientTile {
  static constexpr int LINE = COLUMNS + VECTOR;  // floats of a row, at most
  float* tile;

  __device__ __forceinline__ float* half(int row, int vector, int half) const {
    if constexpr (COLUMNS == 32) {  // two rows a read: only an exclusive or sends them and the writes apart
      return tile + row * COLUMNS + ((half ^ (row & 1)) * 4 + (vector ^ (row & 2) ^ half)) * 4;
    } else {
      return tile + row * LINE + vector * 4 + half * (COLUMNS / 2 + 4);
    }
  }
  __device__ __forceinline__ void put(int row, int column, float v0, float v1) const {
    // As one number: of two floats the compiler makes two stores in places, which share banks.
    struct MAY_ALIAS Pair { uint64_t bits; };
    uint64_t bits = uint64_t(__float_as_uint(v1)) << 32 | __float_as_uint(v0);
    *reinterpret_cast<Pair*>(half(row, column / VECTOR, column % VECTOR / 4) + column % 4) = {bits};
  }
  __device__ __forceinline__ Floats get(int row, int vector) const {
    Vector<float> v;
#pragma unroll
    for (int i = 0; i < 2; i++) move<4 * sizeof(float)>(v.v + 4 * i, half(row, vector, i));
    return widen(v);
  }
};

template <class T>
struct ConvDgrad {
  InputGradient<T> to;
  const T *g, *turned;
  float* sums;
  ConvShape shape;     // of the convolution of g
  int lines, columns;  // of a block of the 3x3 `pipeline`

  template <int EDGE, int WARPS_M, int WARPS_N>
  __device__ __forceinline__ void multiply() const {
    constexpr int COLUMNS = 32 * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
    __shared__ __align__(16) float shared[BlockSums<COLUMNS, THREADS>::FLOATS];
    int first = int(blockIdx.y) * COLUMNS, c = first + int(threadIdx.x) % (COLUMNS / VECTOR) * VECTOR;
    GradientSums mine{c, to.channels - c};
    auto leave = [&](int m, int, const float (&da)[VECTOR]) {
      // The factors again for each pixel: kept over the sums they would take 24 registers.
      mine.add(to, PrologueFactors(to, c, mine.count), m, widen(load_aligned(da)));
    };
    fused_adds<T, EDGE, WARPS_M, WARPS_N>(g, turned, Prologue{}, shape, leave);
    if (to.prologue.scale) {
      store_block_sums<COLUMNS, THREADS>(mine, shared, sums, int(blockIdx.x), first, to.channels);
    }
  }

  template <int EDGE, int WARPS_M, int WARPS_N, int TILES_M, int TILES_N, int STAGES>
  __device__ __forceinline__ void pipeline() const {
#if HAS_PIPELINES
    constexpr bool ALIGNED = EDGE == 1 || sizeof(T) == sizeof(float);
    using Area = AreaOf<EDGE>;
    using Block = Pipeline<T, EDGE, Area, WARPS_M, WARPS_N, TILES_M, TILES_N, STAGES, ALIGNED>;
    constexpr int COLUMNS = Block::COLUMNS, ROWS = Block::ROWS, THREADS = Block::THREADS;
    using Tile = GradientTile<COLUMNS>;
    DYNAMIC_SHARED(T, shared);
    constexpr int DEPTH = Block::DEPTH;
    Area area = area_of_block<EDGE>(ROWS, lines, columns, shape);
    int pixels = ROWS, end = (shape.channels + DEPTH - 1) / DEPTH * DEPTH;
    if constexpr (EDGE > 1) pixels = area.patch_pixels();
    int staged = max(min(STAGES, end / DEPTH) * Block::stage_size(pixels), ROWS * Tile::LINE * int(sizeof(float) / sizeof(T)));
    Block block(shared, g, turned, shape, area, int(blockIdx.y) * COLUMNS, pixels, staged);
    block.prepare(Prologue{}, 0, end);
    __syncthreads();
    block.start(0, end);
    block.template accumulate<false>(0, end);

    Tile tile{reinterpret_cast<float*>(shared)};
    block.each_pair([&](int row, int column, float v0, float v1) { tile.put(row, column, v0, v1); });
    __syncthreads();
    constexpr int VECTORS_ACROSS = COLUMNS / VECTOR, TOGETHER = THREADS / VECTORS_ACROSS;
    int column = int(threadIdx.x) % VECTORS_ACROSS * VECTOR, first_row = int(threadIdx.x) / VECTORS_ACROSS;
    int c = block.first_column + column;
    GradientSums mine{c, to.channels - c};
    PrologueFactors factors(to, c, mine.count);
    if (mine.count > 0 && first_row < TOGETHER) {
      for (int row = first_row; row < ROWS; row += TOGETHER) {
        int m = area.target(row, shape);
        if (m >= 0) mine.add(to, factors, m, tile.get(row, column / VECTOR));
      }
    }
    if (!to.prologue.scale) return;
    __syncthreads();
    store_block_sums<COLUMNS, THREADS>(mine, tile.tile, sums, int(blockIdx.x), block.first_column, to.channels);
#endif
  }
};

KERNELS(turn_filters, LOOP, (256), TurnFilters, turn)
KERNELS(conv1x1_dgrad, FIBERS, (256, 2), ConvDgrad, multiply<1, 2, 4>)
KERNELS(conv3x3_dgrad, FIBERS, (128, 3), ConvDgrad, multiply<3, 2, 2>)

// ROWS = 16 * M * TM, COLUMNS = 8 * N * TN: M x N warps of TM x TN tiles. BLOCKS on a multiprocessor of sm_80.
#define PIPELINE(T, t, E, ROWS, COLUMNS, M, N, TM, TN, STAGES, BLOCKS)                                              \
  KERNEL(conv##E##x##E##_dgrad_##ROWS##x##COLUMNS##_##t, FIBERS, (32 * M * N, BLOCKS), ConvDgrad<T>,                 \
         pipeline<E, M, N, TM, TN, STAGES>)
#define PIPELINES(T, t)                          \
  PIPELINE(T, t, 1, 128, 64, 4, 1, 2, 8, 4, 3)   \
  PIPELINE(T, t, 1, 64, 128, 2, 2, 2, 8, 4, 3)   \
  PIPELINE(T, t, 1, 64, 64, 2, 2, 2, 4, 4, 4)    \
  PIPELINE(T, t, 3, 128, 64, 4, 1, 2, 8, 2, 2)   \
  PIPELINE(T, t, 3, 128, 48, 4, 1, 2, 6, 2, 2)   \
  PIPELINE(T, t, 3, 64, 32, 4, 1, 1, 4, 2, 4)
PIPELINES(half, f16)
PIPELINES(bfloat16, bf16)
PIPELINES(float, tf32)
