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

template <int SUMS>
__device__ __forceinline__ void fold(float* out, const float* in, int rows, int fan, int channels, int out_pitch) {
  int r = my_pixel(), c = my_channel(), count = channels - c, first = r * fan, end = min(first + fan, rows);
  if (first >= rows || count <= 0) return;
  int pitch = padded(channels);
#pragma unroll
  for (int i = 0; i < SUMS; i++) {
    Floats sum = filled(0.0f);
#pragma unroll 4
    for (int j = first; j < end; j++) sum = sum + widen(load_aligned(in + (size_t(j) * SUMS + i) * pitch + c));
    store(out + (size_t(r) * SUMS + i) * out_pitch + c, narrow<float>(sum), count);
  }
}

struct Cut {
  int height, lines, width, columns;

  // Of the first `blocks`, in rows from left to right.
  __device__ __forceinline__ int pixels(int blocks) const {
    int across = (width + columns - 1) / columns, down = min(blocks / across, (height + lines - 1) / lines);
    int above = min(down * lines, height);
    return above * width + min(lines, height - above) * min((blocks - down * across) * columns, width);
  }
};

__device__ __forceinline__ void fold_moments(
    float* out, const float* in, int rows, int fan, int unit, const Cut& cut, int variance, int channels,
    int out_pitch) {
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
  out += size_t(r) * 2 * out_pitch + c;
  store(out, narrow<float>(mean), count);
  store(out + out_pitch, narrow<float>(variance ? squares / float(cut.height * cut.width) : squares), count);
}

extern "C" __global__ void __launch_bounds__(256) fold_1_f32(
    float* out, const float* in, int rows, int fan, int channels, int out_pitch) {
  fold<1>(out, in, rows, fan, channels, out_pitch);
}
extern "C" __global__ void __launch_bounds__(256) fold_2_f32(
    float* out, const float* in, int rows, int fan, int channels, int out_pitch) {
  fold<2>(out, in, rows, fan, channels, out_pitch);
}
extern "C" __global__ void __launch_bounds__(256) fold_statistics_f32(
    float* out, const float* in, int rows, int fan, int unit, int height, int lines, int width, int columns,
    int variance, int channels, int out_pitch) {
  fold_moments(out, in, rows, fan, unit, Cut{height, lines, width, columns}, variance, channels, out_pitch);
}

HOST_KERNEL_LOOP(fold_1_f32)
HOST_KERNEL_LOOP(fold_2_f32)
HOST_KERNEL_LOOP(fold_statistics_f32)
