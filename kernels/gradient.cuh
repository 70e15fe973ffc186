// gradient.cuh: how the gradient by a convolution's input leaves, through the prologue of that convolution. Shared by
// conv_dgrad_direct.cu and conv_dgrad.cu.
//
//   dz = da where scale*x + shift > 0, else 0 (all of da without `rectify`)    da: the gradient by what was multiplied
//   dx = scale*dz + a                                                          null scale: dx = da + a; null a: no a
//
// and, with a scale, the sums over pixels that the normalisation's own gradient needs: of dz, and of dz*(x - mean).
#pragma once
#include "block_sums.cuh"

template <class T>
struct InputGradient {
  View<T> dx;
  View<const T> x, a;
  Prologue prologue;
  const float* mean;
  int channels;
};

// What the prologue knows of eight channels.
struct PrologueFactors {
  Floats scale = filled(0.0f), shift = filled(0.0f), mean = filled(0.0f);

  template <class T>
  __device__ __forceinline__ PrologueFactors(const InputGradient<T>& to, int c, int count) {
    if (!to.prologue.scale) return;
    scale = widen(load(to.prologue.scale + c, count));
    shift = widen(load(to.prologue.shift + c, count));
    mean = widen(load(to.mean + c, count));
  }
};

// The sums of eight channels, from c on.
struct GradientSums {
  int c, count;
  Floats sum = filled(0.0f), moment = filled(0.0f);

  // Stores dx of a pixel.
  template <class T>
  __device__ __forceinline__ void add(const InputGradient<T>& to, const PrologueFactors& f, int pixel, Floats da) {
    if (to.prologue.scale) {
      Floats x = widen(load(to.x.at(pixel, c), count));
      if (to.prologue.rectify) da = where_positive(fma(f.scale, x, f.shift), da);
      sum = sum + da;
      moment = fma(da, x - f.mean, moment);
      da = f.scale * da;
    }
    if (to.a) da = da + widen(load(to.a.at(pixel, c), count));
    ::store(to.dx.at(pixel, c), narrow<T>(da), count);
  }

  // Of part `part`: two rows of all channels, rounded up to 8.
  __device__ __forceinline__ void store(float* sums, int part, int channels) const {
    int pitch = (channels + VECTOR - 1) / VECTOR * VECTOR;
    float* row = sums + size_t(part) * 2 * pitch + c;
    ::store(row, narrow<float>(sum), count);
    ::store(row + pitch, narrow<float>(moment), count);
  }
};

// Adds up the sums of a block's threads and stores them as part `part`. shared: as BlockSums needs it, used by nobody else.
template <int COLUMNS, int THREADS>
__device__ __forceinline__ void store_block_sums(
    const GradientSums& mine, float* shared, float* sums, int part, int first, int channels) {
  BlockSums<COLUMNS, THREADS> block{shared};
  block.put(mine.sum, mine.moment);
  __syncthreads();
  int pitch = (channels + VECTOR - 1) / VECTOR * VECTOR;
  for (int i = threadIdx.x; i < 2 * COLUMNS; i += THREADS) {
    int column = i % COLUMNS, c = first + column;
    if (c < channels) sums[(size_t(part) * 2 + i / COLUMNS) * pitch + c] = block.total(i / COLUMNS, column);
  }
}
