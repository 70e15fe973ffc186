// dense_layer.cu: both convolutions of a dense layer in one launch; the bottleneck never leaves the multiprocessor.
//
//   b = relu( sum_c relu(scale*x + shift) * w1[.,c] + bias )        1x1, C -> B
//   y = sum_{r,s,c} b[h - 1 + r, w - 1 + s, c] * w2[k,r,s,c]         3x3, padding 1 (zero after the activation), B -> K
//
// x: view on 16 bytes; y: view, usually the layer's slice of the same buffer; w1: B x C, w2: KRSC, the innermost
// rounded up to 8 and zero-filled; scale, shift, bias fp32. fp16, bf16; sm_80.
//
// dense_layer_RxBxK: a block makes `lines` by `columns` outputs of one image; these and their neighbours, as far as
// they lie in the image, are at most R pixels. First it makes the bottleneck of those R pixels (pipeline.cuh) and keeps
// it in shared memory, then it multiplies that by w2, whose filters are copied 32 channels at a time.
// Launch: block 2*R; grid images * (height / lines) * (width / columns), rounded up.
//
// FLOP: 2*C*B for each of the R pixels of a block and 18*B*K for each output. Bytes: x, once for 7x7 and 14x14, y once;
// w1 and w2 once a block (L2: 336 KB at C = 1024, B = 128, K = 32; 4 us at 50 bytes a clock). Bound by L2 and latency
// at 7x7, by mma.sync at 14x14; two launches move 4*B bytes a pixel more.
// Check: java -m dev.catena/dev.catena.conformance.Main --op dense-layer --engine kernel
// arch: sm_90a
#include "pipeline.cuh"

// Outputs of one image, and the patch that they see: clipped to the image.
struct Window {
  int image, line, column, lines, columns;           // outputs; `line` and `column` are the first
  int top, left, patch_width, patch_height;

  __device__ __forceinline__ Window(int block, int lines, int columns, const ConvShape& shape)
      : lines(lines), columns(columns) {
    int across = (shape.width + columns - 1) / columns, down = (shape.height + lines - 1) / lines;
    int row = block / across;
    image = row / down;
    line = (row - image * down) * lines;
    column = (block - row * across) * columns;
    top = max(line - 1, 0);
    left = max(column - 1, 0);
    patch_height = min(line + lines + 1, shape.height) - top;
    patch_width = min(column + columns + 1, shape.width) - left;
  }
  __device__ __forceinline__ int pixel(int h, int w, const ConvShape& shape) const {
    return (image * shape.height + h) * shape.width + w;
  }
  __device__ __forceinline__ int source(int p, const ConvShape& shape) const {
    int i = p / patch_width;
    return i < patch_height ? pixel(top + i, left + p - i * patch_width, shape) : -1;
  }
  __device__ __forceinline__ int target(int m, const ConvShape& shape) const {
    int i = m / columns, h = line + i, w = column + m - i * columns;
    return i < lines && h < shape.height && w < shape.width ? pixel(h, w, shape) : -1;
  }
  __device__ __forceinline__ Corner corner(int m, const ConvShape& shape) const {
    int i = m / columns, h = line + i, w = column + m - i * columns;
    if (target(m, shape) < 0) return {};
    int pixel = (h - 1 - top) * patch_width + w - 1 - left;
    return {pixel, pixel,
            (h == 0) * TOP | (h == shape.height - 1) * BOTTOM | (w == 0) * LEFT | (w == shape.width - 1) * RIGHT};
  }
};

template <class T>
struct DenseLayer {
  T* y;
  const T *x, *w1, *w2;
  Prologue prologue;
  const float* bias;
  ConvShape shape;  // from x to y, as a 3x3
  int bottleneck, lines, columns;

  template <int ROWS, int BOTTLENECK, int GROWTH>
  __device__ __forceinline__ void both() const {
#if HAS_PIPELINES
    using First = Pipeline<T, 1, Window, ROWS / 32, 2, 2, BOTTLENECK / 16, 4>;
    using Second = Pipeline<T, 3, Window, ROWS / 16, 1, 1, GROWTH / 8, 2>;
    static_assert(First::ROWS == ROWS && First::COLUMNS == BOTTLENECK && Second::COLUMNS == GROWTH);
    static_assert(4 * (ROWS + BOTTLENECK) >= 2 * 9 * GROWTH, "the second's stages take the place of the first's");
    DYNAMIC_SHARED(T, shared);
    Window window(int(blockIdx.x), lines, columns, shape);
    ConvShape inner = shape, outer = shape;
    inner.outputs = bottleneck;
    outer.channels = bottleneck;

    Epilogue<T> activation{bias, {}, 1};
    int end = (shape.channels + DEPTH - 1) / DEPTH * DEPTH;
    First first(shared, x, w1, inner, window, 0, ROWS);
    first.prepare(prologue, 0, end);
    __syncthreads();
    first.start(0, end);
    first.template accumulate<true>(0, end);

    int middle_end = (bottleneck + DEPTH - 1) / DEPTH * DEPTH;
    Second second(shared, nullptr, w2, outer, window, 0, 0);
    second.zeros = first.zeros;
    second.start(0, middle_end);

    // The bottleneck: 32 channels of all rows, then the next 32, as stages have them.
    T* middle = reinterpret_cast<T*>(first.affine + end / 2);
    first.each_pair([&](int row, int c, float v0, float v1) {
      T left = from_float<T>(c < bottleneck ? activation(v0, c, 0.0f) : 0.0f);
      T right = from_float<T>(c + 1 < bottleneck ? activation(v1, c + 1, 0.0f) : 0.0f);
      int chunk = c % DEPTH / VECTOR;
      store_pair(middle + c / DEPTH * (ROWS * DEPTH) + swizzled<T>(row, chunk) + c % VECTOR, left, right, true, true);
    });

    Corner corners[1] = {window.corner(second.warp_row() + second.lane() % 16, shape)};
    second.template accumulate<false>(0, middle_end, corners, window.patch_width, window.patch_width,
                                      [&](int, int channel) { return middle + channel * ROWS; });
    second.store_tile(y, Epilogue<T>{});
#endif
  }
};

// BLOCKS on a multiprocessor of sm_80.
#define DENSE_LAYER(T, t, ROWS, B, K, BLOCKS) \
  KERNEL(dense_layer_##ROWS##x##B##x##K##_##t, FIBERS, (2 * ROWS, BLOCKS), DenseLayer<T>, both<ROWS, B, K>)

#define DENSE_LAYERS(T, t)             \
  DENSE_LAYER(T, t, 64, 64, 16, 4)     \
  DENSE_LAYER(T, t, 64, 128, 32, 3)    \
  DENSE_LAYER(T, t, 64, 192, 48, 2)    \
  DENSE_LAYER(T, t, 128, 64, 16, 2)    \
  DENSE_LAYER(T, t, 128, 128, 32, 2)   \
  DENSE_LAYER(T, t, 128, 192, 48, 1)   \
  DENSE_LAYER(T, t, 256, 128, 32, 1)
DENSE_LAYERS(half, f16)
DENSE_LAYERS(bfloat16, bf16)
