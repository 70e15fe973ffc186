// fold.cu: the second stage of sums over pixels (strip.cuh): rows of partial results, `fan` at a time, in order.
//
//   fold_1, fold_2    out[r,i,c] = sum of in[j,i,c] over rows j of [r*fan, r*fan + fan), for one or two sums i
//   fold_statistics   the same of (mean, sum of squared differences from it), each row j being of `unit` blocks of
//                     pixels: T. Chan, G. Golub, R. LeVeque, 1979. With `variance` the sums are divided by all pixels.
//                     The pixels are height x width, cut into blocks of lines x columns, those at the end smaller.
//
// in: `rows` x sums x channels rounded up to 8, fp32; out: the same, or with any other pitch from sum to sum.
// Launch: element-wise (common.cuh), a row of out being a pixel. Launched again on its output until one row is left.
// Check: java -m dev.catena/dev.catena.conformance.Main --op batch-statistics,channel-sums
#include "strip.cuh"

struct Fold {
  View<float> out;
  const float* in;
  int rows, fan, channels;

  template <int SUMS>
  __device__ __forceinline__ void add() const {
    int r = my_pixel(), c = my_channel(), count = channels - c, first = r * fan, end = min(first + fan, rows);
    if (first >= rows || count <= 0) return;
    int pitch = padded(channels);
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
      Floats sum = filled(0.0f);
#pragma unroll 4
      for (int j = first; j < end; j++) sum = sum + widen(load_aligned(in + (size_t(j) * SUMS + i) * pitch + c));
      store(out.at(size_t(r) * SUMS + i, c), narrow<float>(sum), count);
    }
  }
};

struct Cut {
  int height, lines, width, columns;

  // Of the first `blocks`, in rows from left to right.
  __device__ __forceinline__ int pixels(int blocks) const {
    int across = (width + columns - 1) / columns, down = min(blocks / across, (height + lines - 1) / lines);
    int above = min(down * lines, height);
    return above * width + min(lines, height - above) * min((blocks - down * across) * columns, width);
  }
};

struct FoldStatistics {
  View<float> out;
  const float* in;
  int rows, fan, unit;
  Cut cut;
  int variance, channels;

  __device__ __forceinline__ void merge() const {
    int r = my_pixel(), c = my_channel(), count = channels - c, first = r * fan, end = min(first + fan, rows);
    if (first >= rows || count <= 0) return;
    int pitch = padded(channels);
    Floats mean = filled(0.0f), squares = filled(0.0f);
    float before = 0.0f;
    int start = cut.pixels(first * unit);
#pragma unroll 8
    for (int j = first; j < end; j++) {
      const float* row = in + size_t(j) * 2 * pitch + c;
      int stop = cut.pixels((j + 1) * unit);
      float here = float(stop - start), all = before + here;
      Floats difference = widen(load_aligned(row)) - mean;
      mean = fma(difference, filled(here / all), mean);
      squares = squares + fma(difference * difference, filled(before * here / all), widen(load_aligned(row + pitch)));
      before = all;
      start = stop;
    }
    store(out.at(2 * size_t(r), c), narrow<float>(mean), count);
    store(out.at(2 * size_t(r) + 1, c),
          narrow<float>(variance ? squares / float(cut.height * cut.width) : squares), count);
  }
};

KERNEL(fold_1_f32, LOOP, (256), Fold, add<1>)
KERNEL(fold_2_f32, LOOP, (256), Fold, add<2>)
KERNEL(fold_statistics_f32, LOOP, (256), FoldStatistics, merge)
