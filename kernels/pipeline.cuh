// pipeline.cuh: a convolution with a square kernel as a matrix product on tensor cores, in 16-bit types or, fp32 in
// memory, in TF32, fed by asynchronous copies some steps ahead. Shared by conv1x1.cu, conv3x3.cu, conv_dgrad.cu and
// dense_layer.cu; sm_80 and later.
//
//   y[m,k] = epilogue( sum_{tap,c} z[m,tap,c] * w[k,tap,c] )      z = relu(scale*x + shift), 0 outside; null scale: x
//
// A block makes ROWS outputs m by COLUMNS outputs k. A step is 64 bytes of channels: the block's *patch* of x, which is
// all the pixels that its outputs see, once for all taps, and the filters of all taps. The first step of STAGES is
// waited for while the others are under way; one barrier a step.
//
// x is copied as it is. Where every pixel is multiplied once (1x1) the prologue is applied to the registers that
// ldmatrix filled, where nine taps read it (3x3) once in shared memory, by the thread that copied it. Both in fp32.
// TF32: what is multiplied is rounded in registers, behind the prologue.
//
// Statistics of what was stored: each block leaves mean and sum of squared differences of its pixels, for fold.cu.
//
// Shared memory, in this order: the stages, 16 bytes of zeros, where each pixel of the patch is in x, scale and
// shift of the block's channels. The finished tile takes the place of the stages, to leave in 16 bytes a thread.
#pragma once
#include <type_traits>

#include "block_sums.cuh"
#include "implicit_gemm.cuh"

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define HAS_PIPELINES true
#else
#define HAS_PIPELINES false
#endif

// A chunk is 16 bytes of a row's channels: what one lane names to ldmatrix, and what one copy brings. A word of it is
// what a register of a fragment holds: two channels in 16-bit types, one in TF32.
constexpr int CHUNKS = 4;                 // of a row
constexpr int WORDS = 4;                  // of a chunk
template <class T>
constexpr int CHUNK = 16 / sizeof(T);     // its channels
template <class T>
constexpr int WORD = 4 / sizeof(T);       // its channels

struct alignas(16) MAY_ALIAS Chunk { uint32_t word[WORDS]; };

// Element offset of chunk c of a row. Rows have 64 bytes, two of them the width of the 32 banks. The exclusive or with
// the row's phase sends one chunk of eight rows, which is what ldmatrix reads and a copy writes in one go, to eight
// different sixteenths of 128 bytes, if their keys are consecutive numbers, odd for odd rows.
__device__ __forceinline__ int phase_of(int key) { return key >> 1 & (CHUNKS - 1); }
template <class T>
__device__ __forceinline__ int swizzled_by(int phase, int row, int c) {
  return row * (CHUNKS * CHUNK<T>) + (c ^ phase) * CHUNK<T>;
}
// The same of rows whose key is their number.
template <class T>
__device__ __forceinline__ int swizzled(int row, int c) {
  return swizzled_by<T>(phase_of(row), row, c);
}

// The same of rows of any number of vectors in a 16-bit type, by the row's number.
template <int ACROSS>
__device__ __forceinline__ int swizzled_vector(int row, int c) {
  constexpr int MIXED = ACROSS < 8 ? ACROSS : 8;
  return (row * ACROSS + (c ^ (row / (8 / MIXED) & (MIXED - 1)))) * VECTOR;
}

// Scale and shift of a word's channels.
template <class T>
struct alignas(8 * WORD<T>) Affine { float scale[WORD<T>], shift[WORD<T>]; };

template <class T>
__device__ __forceinline__ uint32_t activated(uint32_t word, const Affine<T>& f) {
  if constexpr (WORD<T> == 1) {
    return to_tf32(relu(fmaf(f.scale[0], __uint_as_float(word), f.shift[0])));
  } else {
    float first, second;
    unpack<T>(word, first, second);
    return pack_relu<T>(fmaf(f.scale[0], first, f.shift[0]), fmaf(f.scale[1], second, f.shift[1]));
  }
}

// What a tensor core may multiply.
template <class T>
__device__ __forceinline__ void round_words(uint32_t (&words)[4]) {
  if constexpr (WORD<T> == 1) {
#pragma unroll
    for (int i = 0; i < 4; i++) words[i] = to_tf32(__uint_as_float(words[i]));
  }
}

// Two neighbours of the finished tile.
template <class T>
__device__ __forceinline__ void load_pair(const T* at, float& first, float& second) {
  if constexpr (WORD<T> == 1) {
    float2 pair = *reinterpret_cast<const float2*>(at);
    first = pair.x, second = pair.y;
  } else {
    unpack<T>(*reinterpret_cast<const uint32_t*>(at), first, second);
  }
}

// d += A * B, two chunks deep.
template <class T>
__device__ __forceinline__ void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (WORD<T> == 1) {
    mma_m16n8k8(d, a, b0, b1);
  } else {
    mma_m16n8k16<T>(d, a, b0, b1);
  }
}

// A pixel of the patch as one output sees it.
struct Corner {
  int pixel, key;    // under tap (0, 0)
  unsigned borders;  // of its image at which the output lies: there are no taps beyond
};
constexpr unsigned TOP = 1, BOTTOM = 2, LEFT = 4, RIGHT = 8;

// What a block reads and writes. source(p): the pixel of x that is pixel p of the patch; target(m): the pixel of y that
// is row m of the block; both -1 where there is none. targets: how many rows have a pixel; the first has. key(p): of
// pixel p, for the swizzle; a line further on it is greater by key_width.

// 1x1: consecutive output pixels. stride > 1 takes every stride-th pixel.
struct Pixels {
  int first;

  __device__ __forceinline__ int source(int p, const ConvShape& shape) const {
    int m = first + p;
    if (m >= shape.pixels()) return -1;
    if (shape.stride == 1) return m;
    int line = m / shape.out_width, n = line / shape.out_height;
    int row = (line - n * shape.out_height) * shape.stride, column = (m - line * shape.out_width) * shape.stride;
    return (n * shape.height + row) * shape.width + column;
  }
  __device__ __forceinline__ int target(int m, const ConvShape& shape) const {
    return first + m < shape.pixels() ? first + m : -1;
  }
  __device__ __forceinline__ int targets(int rows, const ConvShape& shape) const {
    return min(rows, shape.pixels() - first);
  }
};

// 3x3, stride 1: `lines` by `columns` outputs. A line is one of all images together, so that small images fill a block
// too; the patch has one more on each side. A tap into another image sees zeros.
struct Lines {
  int first_line, first_column, lines, columns;

  __device__ __forceinline__ int patch_width() const { return columns + 2; }
  // Of eight consecutive outputs the pixels have consecutive keys, though some may lie in the next line.
  __device__ __forceinline__ int key_width() const { return columns; }
  __device__ __forceinline__ int key(int p) const { return p - p / patch_width() * 2; }
  __device__ __forceinline__ int patch_pixels() const { return (lines + 2) * patch_width(); }
  __device__ __forceinline__ int pixel(int line, int column, const ConvShape& shape) const {
    bool inside = unsigned(line) < unsigned(shape.images * shape.height) && unsigned(column) < unsigned(shape.width);
    return inside ? line * shape.width + column : -1;
  }
  __device__ __forceinline__ int source(int p, const ConvShape& shape) const {
    int i = p / patch_width();
    return pixel(first_line - 1 + i, first_column - 1 + p - i * patch_width(), shape);
  }
  __device__ __forceinline__ int target(int m, const ConvShape& shape) const {
    int i = m / columns;
    return i < lines ? pixel(first_line + i, first_column + m - i * columns, shape) : -1;
  }
  __device__ __forceinline__ int targets(int, const ConvShape& shape) const {
    return min(lines, shape.images * shape.height - first_line) * min(columns, shape.width - first_column);
  }
  __device__ __forceinline__ Corner corner(int m, const ConvShape& shape) const {
    int i = m / columns, h = (first_line + i) % shape.height;
    if (i >= lines) return {};
    return {i * patch_width() + m - i * columns, m, (h == 0) * TOP | (h == shape.height - 1) * BOTTOM};
  }
};

template <int EDGE>
using AreaOf = std::conditional_t<EDGE == 1, Pixels, Lines>;

// That of block blockIdx.x: `rows` pixels, or `lines` by `columns`.
template <int EDGE>
__device__ __forceinline__ AreaOf<EDGE> area_of_block(int rows, int lines, int columns, const ConvShape& shape) {
  if constexpr (EDGE == 1) {
    return {int(blockIdx.x) * rows};
  } else {
    int across = (shape.width + columns - 1) / columns, down = int(blockIdx.x) / across;
    return {down * lines, (int(blockIdx.x) - down * across) * columns, lines, columns};
  }
}

// The warps of a block: WARPS_M down and WARPS_N across, each with TILES_M by TILES_N tiles of 16 by 8 sums.
template <int WARPS_M, int WARPS_N, int TILES_M, int TILES_N>
struct Warps {
  static constexpr int ROWS = 16 * TILES_M * WARPS_M, COLUMNS = 8 * TILES_N * WARPS_N;
  static constexpr int THREADS = 32 * WARPS_M * WARPS_N;

  __device__ __forceinline__ static int lane() { return threadIdx.x % 32; }
  __device__ __forceinline__ static int warp_row() { return int(threadIdx.x) / 32 % WARPS_M * (16 * TILES_M); }
  __device__ __forceinline__ static int warp_column() { return int(threadIdx.x) / 32 / WARPS_M * (8 * TILES_N); }
};

// A ring of stages in shared memory, for the steps first, first + step, ... below end. copy(stage, at) starts a step's
// copies, here those of the first STAGES - 1.
template <int STAGES, class Copy>
__device__ __forceinline__ void start_ring(int first, int end, int step, Copy copy) {
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (first + s * step < end) copy(s, first + s * step);
    cp_async_commit();
  }
}
// Each step in turn: arrived(stage, at) once this thread's copies are there, use(stage, at) once all are.
template <int STAGES, class Arrived, class Copy, class Use>
__device__ __forceinline__ void turn_ring(int first, int end, int step, Arrived arrived, Copy copy, Use use) {
  int stage = 0, free_stage = STAGES - 1;
  for (int at = first; at < end; at += step) {
    cp_async_wait<STAGES - 2>();
    arrived(stage, at);
    __syncthreads();  // this step is there for all, and none reads the one before
    int next = at + (STAGES - 1) * step;
    if (next < end) copy(free_stage, next);
    cp_async_commit();
    use(stage, at);
    free_stage = stage;
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }
}

// ALIGNED: x begins on 16 bytes. What does not is copied through registers.
template <class T, int EDGE, class Area, int WARPS_M, int WARPS_N, int TILES_M, int TILES_N, int STAGES,
          bool ALIGNED = true>
struct Pipeline : Warps<WARPS_M, WARPS_N, TILES_M, TILES_N> {
  using Block = Warps<WARPS_M, WARPS_N, TILES_M, TILES_N>;
  using Block::ROWS, Block::COLUMNS, Block::THREADS, Block::lane, Block::warp_row, Block::warp_column;
  static constexpr int TAPS = EDGE * EDGE;
  static constexpr int DEPTH = CHUNKS * CHUNK<T>;  // channels a step
  static constexpr int LINE = COLUMNS + VECTOR;    // elements of a row of the finished tile, at most
  // Copies of filters that may have their addresses in registers: nine taps have too many.
  static constexpr int UNROLLED = EDGE == 1 ? COLUMNS * CHUNKS / THREADS : 1;
  static_assert(TILES_N % 2 == 0 && ROWS % (THREADS / CHUNKS) == 0);

  const T* x;
  const T* w;
  ConvShape shape;
  Area area;
  int first_column;  // of the outputs
  int pixels;        // of the patch
  T* stages;
  T* zeros;
  int* source;
  Affine<T>* affine;  // from the block's first channel on
  float acc[TILES_M][TILES_N][4] = {};

  __device__ __forceinline__ Pipeline(T* shared, const T* x, const T* w, const ConvShape& shape, const Area& area,
                                      int first_column, int pixels)
      : Pipeline(shared, x, w, shape, area, first_column, pixels, STAGES * stage_size(pixels)) {}
  // staged: elements before the zeros, where some stages are not used, or something larger takes their place.
  __device__ __forceinline__ Pipeline(T* shared, const T* x, const T* w, const ConvShape& shape, const Area& area,
                                      int first_column, int pixels, int staged)
      : x(x), w(w), shape(shape), area(area), first_column(first_column), pixels(pixels), stages(shared) {
    zeros = stages + staged;
    source = reinterpret_cast<int*>(zeros + CHUNK<T>);
    affine = reinterpret_cast<Affine<T>*>(source + (pixels + 3) / 4 * 4);
  }

  __device__ __forceinline__ static int stage_size(int pixels) { return (pixels + TAPS * COLUMNS) * DEPTH; }
  __device__ __forceinline__ T* patch(int stage) const { return stages + stage * stage_size(pixels); }
  __device__ __forceinline__ T* filters(int stage) const { return patch(stage) + pixels * DEPTH; }

  // Where a pixel of the patch is in x, negative if nowhere, and the phase of its chunks.
  struct Source { int pixel, phase; };
  __device__ __forceinline__ Source source_of(int p) const {
    if constexpr (EDGE == 1) {
      return {source[p], phase_of(p)};
    } else {
      return {source[p] >> 2, source[p] & (CHUNKS - 1)};
    }
  }

  // The tables; a barrier has to follow.
  __device__ __forceinline__ void prepare(const Prologue& prologue, int channel, int end) const {
    for (int p = threadIdx.x; p < pixels; p += THREADS) {
      int pixel = area.source(p, shape);
      if constexpr (EDGE > 1) pixel = pixel * CHUNKS + phase_of(area.key(p));
      source[p] = pixel;
    }
    if (threadIdx.x == 0) *reinterpret_cast<Chunk*>(zeros) = {};
    if (!prologue.scale) return;
    for (int i = threadIdx.x; i < (end - channel) / WORD<T>; i += THREADS) {
      Affine<T> f;
#pragma unroll
      for (int j = 0; j < WORD<T>; j++) {
        int c = channel + WORD<T> * i + j;
        f.scale[j] = c < shape.channels ? prologue.scale[c] : 0.0f;
        f.shift[j] = c < shape.channels ? prologue.shift[c] : 0.0f;
      }
      affine[i] = f;
    }
  }

  // Starts the copies of the step at `channel`. What lies beyond the last channel or outside becomes zero.
  __device__ __forceinline__ void copy(int stage, int channel) const {
    int c = int(threadIdx.x) % CHUNKS, from_channel = channel + c * CHUNK<T>;
    int count = max(0, min(CHUNK<T>, shape.channels - from_channel));
    auto copy_pixel = [&](int p) {
      auto [pixel, phase] = source_of(p);
      bool exists = pixel >= 0 && count > 0;
      T* to = patch(stage) + swizzled_by<T>(phase, p, c);
      const T* from = exists ? x + size_t(pixel) * shape.x_pitch + from_channel : x;
      if constexpr (ALIGNED) {
        cp_async16(to, from, exists ? count * int(sizeof(T)) : 0);
      } else {
        store_aligned(to, load(from, exists ? count : 0));
      }
    };
    if constexpr (EDGE == 1) {
#pragma unroll
      for (int i = 0; i < ROWS; i += THREADS / CHUNKS) copy_pixel(int(threadIdx.x) / CHUNKS + i);
    } else {
#pragma unroll 1
      for (int p = int(threadIdx.x) / CHUNKS; p < pixels; p += THREADS / CHUNKS) copy_pixel(p);
    }
    int filter = TAPS * shape.channels8();
    T* to = filters(stage) + swizzled<T>(int(threadIdx.x) / CHUNKS, c);
#pragma unroll UNROLLED
    for (int i = 0; i < TAPS * COLUMNS; i += THREADS / CHUNKS) {  // multiples of eight rows: the phase stays
      unsigned row = i + threadIdx.x / CHUNKS, tap = row / COLUMNS;
      int k = first_column + int(row - tap * COLUMNS);
      if (TAPS * COLUMNS % (THREADS / CHUNKS) != 0 && row >= TAPS * COLUMNS) break;
      bool exists = k < shape.outputs && count > 0;
      cp_async16(to + i * DEPTH, exists ? w + size_t(k) * filter + tap * shape.channels8() + from_channel : w,
                 exists ? 16 : 0);
    }
  }

  // Applies the prologue to what this thread copied. Pixels outside stay zero: padding is zero after the activation.
  __device__ __forceinline__ void activate(int stage, int first_word) const {
    int c = int(threadIdx.x) % CHUNKS;
    Affine<T> f[WORDS];
#pragma unroll
    for (int i = 0; i < WORDS; i++) f[i] = affine[first_word + c * WORDS + i];
    for (int p = int(threadIdx.x) / CHUNKS; p < pixels; p += THREADS / CHUNKS) {
      auto [pixel, phase] = source_of(p);
      if (pixel < 0) continue;
      auto* chunk = reinterpret_cast<Chunk*>(patch(stage) + swizzled_by<T>(phase, p, c));
      Chunk v = *chunk;
#pragma unroll
      for (int i = 0; i < WORDS; i++) v.word[i] = activated<T>(v.word[i], f[i]);
      *chunk = v;
    }
  }

  // The same in fragments of A, whose first two registers hold word t of a chunk, the others that of the next.
  __device__ __forceinline__ void activate(uint32_t (&a)[TILES_M][4], int word) const {
    Affine<T> low = affine[word], high = affine[word + WORDS];
#pragma unroll
    for (int i = 0; i < TILES_M; i++) {
#pragma unroll
      for (int r = 0; r < 4; r++) a[i][r] = activated<T>(a[i][r], r < 2 ? low : high);
    }
  }

  // acc += z * filters of a stage, two chunks at a time. z: rows of chunks, `width` of them in a line of the image.
  // AFFINE: the prologue, in registers. Two chunks on is an exclusive or, eight rows on an addition.
  template <bool AFFINE>
  __device__ __forceinline__ void multiply(const T* z, const T* f, const Corner (&corners)[TILES_M], int width,
                                           int key_width, int count, int first_word) {
    constexpr int ROW = DEPTH * sizeof(T), ASIDE = sizeof(Chunk);  // bytes
    auto byte_at = [](const T* base, int bytes) {
      return reinterpret_cast<const T*>(reinterpret_cast<const char*>(base) + bytes);
    };
    int filter = swizzled<T>(warp_column() + lane() / 16 * 8 + lane() % 8, lane() / 8 % 2) * int(sizeof(T));
#pragma unroll 1
    for (int r = 0; r < EDGE; r++) {
      unsigned ends = r == 0 ? TOP : r == EDGE - 1 ? BOTTOM : 0;
#pragma unroll
      for (int s = 0; s < EDGE; s++) {
        unsigned beyond = ends | (s == 0 ? LEFT : s == EDGE - 1 ? RIGHT : 0);
        int at[TILES_M];
#pragma unroll
        for (int i = 0; i < TILES_M; i++) {
          int phase = phase_of(corners[i].key + r * key_width + s);
          at[i] = swizzled_by<T>(phase, corners[i].pixel + r * width + s, lane() / 16) * int(sizeof(T));
        }
#pragma unroll
        for (int c = 0; c < CHUNKS; c += 2) {
          if (c * CHUNK<T> >= count) break;
          uint32_t a[TILES_M][4];
#pragma unroll
          for (int i = 0; i < TILES_M; i++) {
            if constexpr (EDGE == 1) {
              ldmatrix_x4(a[i], byte_at(z, (at[0] ^ c * ASIDE) + i * (16 * ROW)));
            } else {
              ldmatrix_x4(a[i], corners[i].borders & beyond ? zeros : byte_at(z, at[i] ^ c * ASIDE));
            }
            if constexpr (!AFFINE) round_words<T>(a[i]);
          }
          if constexpr (AFFINE) activate(a, first_word + c * WORDS + lane() % 4);
#pragma unroll
          for (int j = 0; j < TILES_N; j += 2) {
            uint32_t b[4];
            ldmatrix_x4(b, byte_at(f, (filter ^ c * ASIDE) + ((r * EDGE + s) * COLUMNS + 8 * j) * ROW));
            round_words<T>(b);
#pragma unroll
            for (int i = 0; i < TILES_M; i++) {
              multiply_add<T>(acc[i][j], a[i], b[0], b[1]);
              multiply_add<T>(acc[i][j + 1], a[i], b[2], b[3]);
            }
          }
        }
      }
    }
  }

  // Starts the copies of the first steps of the channels from `first` up to `end`, both multiples of DEPTH.
  __device__ __forceinline__ void start(int first, int end) const {
    start_ring<STAGES>(first, end, DEPTH, [this](int stage, int channel) { copy(stage, channel); });
  }

  // Sums over the channels that were started. z(stage, channel): where the step's pixels are.
  template <bool AFFINE, class Z>
  __device__ __forceinline__ void accumulate(
      int first, int end, const Corner (&corners)[TILES_M], int width, int key_width, Z z) {
    auto word = [first](int channel) { return int(unsigned(channel - first) / WORD<T>); };
    turn_ring<STAGES>(
        first, end, DEPTH,
        [&](int stage, int channel) {
          if constexpr (AFFINE && EDGE > 1) activate(stage, word(channel));
        },
        [&](int stage, int channel) { copy(stage, channel); },
        [&](int stage, int channel) {
          multiply<AFFINE && EDGE == 1>(z(stage, channel), filters(stage), corners, width, key_width,
                                        shape.channels - channel, word(channel));
        });
    __syncthreads();
  }

  // The same with the patch that was copied.
  template <bool AFFINE>
  __device__ __forceinline__ void accumulate(int first, int end) {
    Corner corners[TILES_M];
    int width = 0, key_width = 0;
    if constexpr (EDGE > 1) width = area.patch_width(), key_width = area.key_width();
#pragma unroll
    for (int i = 0; i < TILES_M; i++) corners[i] = corner(warp_row() + 16 * i + lane() % 16);
    accumulate<AFFINE>(first, end, corners, width, key_width, [this](int stage, int) { return patch(stage); });
  }

  __device__ __forceinline__ Corner corner(int m) const {
    if constexpr (EDGE == 1) {
      return {m, m};
    } else {
      return area.corner(m, shape);
    }
  }

  // f(row, column, two neighbours) for every pair of accumulators.
  template <class F>
  __device__ __forceinline__ void each_pair(F f) const {
#pragma unroll
    for (int i = 0; i < TILES_M; i++) {
#pragma unroll
      for (int below = 0; below < 2; below++) {
#pragma unroll
        for (int j = 0; j < TILES_N; j++) {
          f(warp_row() + 16 * i + 8 * below + lane() / 4, warp_column() + 8 * j + lane() % 4 * 2,
            acc[i][j][2 * below], acc[i][j][2 * below + 1]);
        }
      }
    }
  }

  // This block's share of the sums, for conv_sum.cu.
  __device__ __forceinline__ void store_sums(float* sums) const {
    int pitch = (shape.outputs + VECTOR - 1) / VECTOR * VECTOR;
    sums += size_t(blockIdx.z) * shape.pixels() * pitch;
    each_pair([&](int row, int column, float v0, float v1) {
      int m = area.target(row, shape), k = first_column + column;
      if (m >= 0 && k < pitch) *reinterpret_cast<float2*>(sums + size_t(m) * pitch + k) = float2{v0, v1};
    });
  }

  // Where the finished tile has a value: neither pairs of eight rows nor eight vectors in a row share a bank. Short lines
  // of 16-bit types need an exclusive or for that, as chunks do, longer ones a gap.
  __device__ __forceinline__ T* tile_at(int row, int column) const {
    if constexpr (sizeof(T) == 2 && (COLUMNS == 16 || COLUMNS == 32)) {
      return stages + swizzled_vector<COLUMNS / VECTOR>(row, column / VECTOR) + column % VECTOR;
    } else {
      return stages + row * LINE + column;
    }
  }

  // f(m, k, where it is in the tile, whether it is in the image) for this thread's vectors of the tile.
  template <class F>
  __device__ __forceinline__ void each_vector(F f) const {
    for (int at = threadIdx.x; at < ROWS * (COLUMNS / VECTOR); at += THREADS) {
      int row = at / (COLUMNS / VECTOR), column = at % (COLUMNS / VECTOR) * VECTOR;
      int m = area.target(row, shape), k = first_column + column;
      f(m, k, tile_at(row, column), m >= 0 && k < shape.outputs);
    }
  }

  // A residual comes into the tile first, as it is, and is added by whoever has the sum.
  __device__ __forceinline__ void store_tile(T* y, const Epilogue<T>& epilogue) const {
    if (epilogue.residual) {
      each_vector([&](int m, int k, T* at, bool inside) {
        store_aligned(at, inside ? load(epilogue.residual.at(m, k), shape.outputs - k) : Vector<T>{});
      });
      __syncthreads();
    }
    each_pair([&](int row, int column, float v0, float v1) {
      int k = first_column + column;
      T* at = tile_at(row, column);
      float r0 = 0.0f, r1 = 0.0f;
      if (epilogue.residual) load_pair(at, r0, r1);
      T first = from_float<T>(k < shape.outputs ? epilogue(v0, k, r0) : 0.0f);
      T second = from_float<T>(k + 1 < shape.outputs ? epilogue(v1, k + 1, r1) : 0.0f);
      store_pair(at, first, second, true, true);
    });
    __syncthreads();
    each_vector([&](int m, int k, const T* at, bool inside) {
      if (inside) store(y + size_t(m) * shape.y_pitch + k, load_aligned(at), shape.outputs - k);
    });
  }

  // Of each channel of the stored tile, as row blockIdx.x of `moments`: mean and sum of squared differences from it.
  // The sums are of the differences from the block's first pixel: as that is one of them, no more than the factor ROWS
  // cancels.
  __device__ __forceinline__ void store_moments(float* moments) const {
    constexpr int ACROSS = COLUMNS / VECTOR, TOGETHER = THREADS / ACROSS;
    int column = int(threadIdx.x) % ACROSS * VECTOR, first_row = int(threadIdx.x) / ACROSS;
    Floats origin = widen(load_aligned(tile_at(0, column))), sum = filled(0.0f), squares = filled(0.0f);
    for (int row = first_row; row < ROWS && first_row < TOGETHER; row += TOGETHER) {
      if (area.target(row, shape) < 0) continue;
      Floats v = widen(load_aligned(tile_at(row, column))) - origin;
      sum = sum + v;
      squares = fma(v, v, squares);
    }
    __syncthreads();
    BlockSums<COLUMNS, THREADS> sums{reinterpret_cast<float*>(stages)};
    float* origins = sums.shared + sums.FLOATS;
    sums.put(sum, squares);
    if (first_row == 0) store_aligned(origins + column, narrow<float>(origin));
    __syncthreads();
    int pitch = (shape.outputs + VECTOR - 1) / VECTOR * VECTOR;
    for (int i = threadIdx.x; i < COLUMNS && first_column + i < shape.outputs; i += THREADS) {
      float all = sums.total(0, i), squared = sums.total(1, i);
      float shift = all / float(area.targets(ROWS, shape));
      float* row = moments + (size_t(blockIdx.x) * 2 * pitch + (first_column + i));
      row[0] = origins[i] + shift;
      row[pitch] = relu(squared - shift * all);
    }
  }
};

// The parameters of conv1x1.cu and conv3x3.cu.
template <class T>
struct Convolution {
  T* y;
  const T *x, *w;
  Prologue prologue;
  Epilogue<T> epilogue;
  ConvShape shape;
  float *sums, *moments;      // null where they are not wanted; as the rest only for `pipeline`
  int steps, lines, columns;  // of a block; lines and columns: 3x3

  template <int EDGE, int WARPS_M, int WARPS_N>
  __device__ __forceinline__ void multiply() const {
    implicit_gemm<T, EDGE, WARPS_M, WARPS_N>(y, x, w, prologue, epilogue, shape);
  }

  // One block. `steps` of 64 bytes of channels each; with `sums` the block makes part blockIdx.z of them only, with
  // `moments` it leaves those, too.
  template <int EDGE, int WARPS_M, int WARPS_N, int TILES_M, int TILES_N, int STAGES>
  __device__ __forceinline__ void pipeline() const {
#if HAS_PIPELINES
    using Area = AreaOf<EDGE>;
    using Block = Pipeline<T, EDGE, Area, WARPS_M, WARPS_N, TILES_M, TILES_N, STAGES>;
    DYNAMIC_SHARED(T, shared);
    constexpr int DEPTH = Block::DEPTH;
    Area area = area_of_block<EDGE>(Block::ROWS, lines, columns, shape);
    int first = int(blockIdx.z) * steps * DEPTH, pixels = Block::ROWS;
    int end = min(first + steps * DEPTH, (shape.channels + DEPTH - 1) / DEPTH * DEPTH);
    if constexpr (EDGE > 1) pixels = area.patch_pixels();
    Block block(shared, x, w, shape, area, int(blockIdx.y) * Block::COLUMNS, pixels);
    block.prepare(prologue, first, end);
    __syncthreads();
    block.start(first, end);
    if (prologue.scale) {
      block.template accumulate<true>(first, end);
    } else {
      block.template accumulate<false>(first, end);
    }
    if (sums) {
      block.store_sums(sums);
    } else {
      block.store_tile(y, epilogue);
      if (moments) block.store_moments(moments);
    }
#endif
  }
};
