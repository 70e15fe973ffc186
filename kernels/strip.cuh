// strip.cuh: passes over an activation, pixel by pixel, that may take sums of each channel along.
//
// A strip is `length` consecutive pixels, the last may have fewer. Its sums go to row `strip` of `partial`: SUMS times
// `channels` floats, rounded up to 8. fold.cu adds the rows. No atomics, no barriers: the order of every sum is fixed.
//
// Launch: block (g, r), grid (strips / r, vectors / g), rounded up: a thread takes eight channels of a strip and keeps
// sums and constants in registers. Or, on the host, block (1), grid (strips): whole rows, which memory likes better.
#pragma once
#include "common.cuh"

// `pixels` pixels of `channels` in strips of `length`, which leave their sums in `partial`.
struct Strips {
  float* partial;
  int pixels, length, channels;
};

__device__ __forceinline__ int padded(int channels) { return (channels + VECTOR - 1) / VECTOR * VECTOR; }

// What a pass wants to know of a pixel, whatever the channel: by itself its number.
template <class Pass>
__device__ __forceinline__ auto pixel_of(const Pass& pass, int p) {
  if constexpr (requires { pass.pixel(p); }) {
    return pass.pixel(p);
  } else {
    return p;
  }
}

// Eight channels of a strip. `pass.lane(first, c, count)` has their constants; called with a pixel it does the work and
// adds to the sums; `finish` turns the sums of so many pixels into what is kept. UNROLL: pixels in flight.
template <int SUMS>
struct Sums {
  Floats v[SUMS > 0 ? SUMS : 1];
  __device__ __forceinline__ Floats& operator[](int i) { return v[i]; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < SUMS; i++) v[i] = filled(0.0f);
  }
  __device__ __forceinline__ void load(const float* row, int pitch) {
#pragma unroll
    for (int i = 0; i < SUMS; i++) v[i] = widen(load_aligned(row + i * pitch));
  }
  __device__ __forceinline__ void store(float* row, int pitch) const {
#pragma unroll
    for (int i = 0; i < SUMS; i++) store_aligned(row + i * pitch, narrow<float>(v[i]));
  }
};

#ifndef __CUDACC__
#include <array>

constexpr int ROWS = 4;

// Some pixels of the strip that begins at `first`, all channels; sums are in memory, which is the first-level cache.
template <int SUMS, int PIXELS, class Pass>
inline void walk_rows(const Pass& pass, float* row, int first, int pixel, int channels) {
  auto pixels = [&]<int... I>(std::integer_sequence<int, I...>) {
    return std::array{pixel_of(pass, pixel + I)...};
  }(std::make_integer_sequence<int, PIXELS>());
  auto step = [&](int c, int count) {
    auto lane = pass.lane(first, c, count);
    Sums<SUMS> sums;
    sums.load(row + c, padded(channels));
    for (int i = 0; i < PIXELS; i++) lane(pixels[i], sums);
    sums.store(row + c, padded(channels));
  };
  int c = 0;
  for (; c + VECTOR <= channels; c += VECTOR) step(c, VECTOR);
  if (c < channels) step(c, channels - c);
}

template <int SUMS, class Pass>
inline void walk_rows(const Pass& pass, float* row, int first, int end, int channels) {
  for (int i = 0; i < SUMS * padded(channels); i++) row[i] = 0.0f;
  int p = first;
  for (; p + ROWS <= end; p += ROWS) walk_rows<SUMS, ROWS>(pass, row, first, p, channels);
  for (; p < end; p++) walk_rows<SUMS, 1>(pass, row, first, p, channels);
  if constexpr (SUMS > 0) {
    for (int c = 0; c < channels; c += VECTOR) {
      Sums<SUMS> sums;
      sums.load(row + c, padded(channels));
      pass.lane(first, c, channels - c).finish(sums, end - first);
      sums.store(row + c, padded(channels));
    }
  }
}

#endif

template <int SUMS, class Pass>
__device__ __forceinline__ void walk(const Pass& pass, const Strips& strips) {
  int strip = my_pixel(), c = my_channel(), channels = strips.channels, count = channels - c;
  long long begin = (long long)strip * strips.length;
  if (begin >= strips.pixels || count <= 0) return;
  int first = int(begin), end = int(min(begin + strips.length, (long long)strips.pixels));
  float* row = strips.partial + size_t(strip) * SUMS * padded(channels);
#ifndef __CUDACC__
  if (int(blockDim.x * gridDim.y) == 1) {
    walk_rows<SUMS>(pass, row, first, end, channels);
    return;
  }
#endif
  auto lane = pass.lane(first, c, count);
  Sums<SUMS> sums;
  sums.clear();
#pragma unroll Pass::UNROLL
  for (int p = first; p < end; p++) lane(pixel_of(pass, p), sums);
  if constexpr (SUMS > 0) {
    lane.finish(sums, end - first);
    sums.store(row + c, padded(channels));
  }
}
