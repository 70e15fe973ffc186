// philox.cuh: Philox4x32-10 (Salmon et al., SC 2011), the words of dev.catena.graph.Philox: a random number is a
// function of a key, the seed, and a counter, so that any thread can compute any of them, again and in any order.
#pragma once
#include "common.cuh"

struct Words { uint32_t w[4]; };

// The four words at a counter: (group, step, high halves of both, stream).
__device__ __forceinline__ Words philox(uint64_t seed, uint64_t step, uint64_t group, uint32_t stream) {
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  uint32_t c0 = uint32_t(group), c1 = uint32_t(step);
  uint32_t c2 = uint32_t(group >> 32) | uint32_t(step >> 32) << 16, c3 = stream;
#pragma unroll
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
    c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
    c1 = uint32_t(p1);
    c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c3 = uint32_t(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// Seed and step of a training step: four whole numbers below 2^24 in fp32, low and high halves of each.
struct Moment { uint64_t seed, step; };
__device__ __forceinline__ Moment moment(const float* random) {
  return {uint64_t(random[0]) | uint64_t(random[1]) << 24, uint64_t(random[2]) | uint64_t(random[3]) << 24};
}
