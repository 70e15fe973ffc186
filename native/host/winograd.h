// Winograd's F(2x2, 3x3): four outputs of a 3x3 convolution from 16 products instead of 36
// (Lavin and Gray, arXiv 1509.09308). With d a 4x4 window of the input and U = G g G' the filter,
//
//     V = B' d B       y = A' (sum over channels U * V) A
//
//     B' = 1  0 -1  0      A' = 1  1  1  0
//          0  1  1  0           0  1 -1 -1
//          0 -1  1  0
//          0  1  0 -1
//
// in fp32; for integers of moderate size it is exact. Backwards, with g a 2x2 window of the output's
// gradient, the filter's gradient is G' (sum over windows V * (A g A')) G,
//
//     G' = 1 .5 .5  0
//          0 .5 -.5 0
//          0 .5 .5  1
#pragma once

#include "microkernel.h"

namespace host {

constexpr int kPositions = 16;

// Transforms one window of `channels` (rounded up to whole vectors) channels.
// d: its first pixel; line and pixel: floats from row to row and from pixel to pixel.
// v: its row in the first of 16 matrices, which lie `matrix` floats apart.
inline void transformInput(const float* d, long line, long pixel, int channels, float* v,
                           long matrix) {
  for (int c = 0; c < channels; c += kLanes) {
    Vec t[4][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const float* p = d + j * pixel + c;
      const Vec d0 = load(p);
      const Vec d1 = load(p + line);
      const Vec d2 = load(p + 2 * line);
      const Vec d3 = load(p + 3 * line);
      t[0][j] = d0 - d2;
      t[1][j] = d1 + d2;
      t[2][j] = d2 - d1;
      t[3][j] = d1 - d3;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      float* q = v + i * 4 * matrix + c;
      store(q, t[i][0] - t[i][2]);
      store(q + matrix, t[i][1] + t[i][2]);
      store(q + 2 * matrix, t[i][2] - t[i][1]);
      store(q + 3 * matrix, t[i][1] - t[i][3]);
    }
  }
}

// The 2x2 outputs of one vector of columns: y[2 * row + column], from 16 products that lie `matrix`
// floats apart.
inline void transformOutput(const float* m, long matrix, Vec* y) {
  Vec s[2][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const Vec m0 = load(m + j * matrix);
    const Vec m1 = load(m + (4 + j) * matrix);
    const Vec m2 = load(m + (8 + j) * matrix);
    const Vec m3 = load(m + (12 + j) * matrix);
    s[0][j] = m0 + m1 + m2;
    s[1][j] = m1 - m2 - m3;
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    y[2 * i] = s[i][0] + s[i][1] + s[i][2];
    y[2 * i + 1] = s[i][1] - s[i][2] - s[i][3];
  }
}

// A g A' of one window of the output's gradient, arguments as for transformInput.
inline void transformGradient(const float* g, long line, long pixel, int channels, float* v,
                              long matrix) {
  for (int c = 0; c < channels; c += kLanes) {
    Vec t[4][2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      const Vec g0 = load(g + j * pixel + c);
      const Vec g1 = load(g + line + j * pixel + c);
      t[0][j] = g0;
      t[1][j] = g0 + g1;
      t[2][j] = g0 - g1;
      t[3][j] = zero() - g1;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      float* q = v + i * 4 * matrix + c;
      store(q, t[i][0]);
      store(q + matrix, t[i][0] + t[i][1]);
      store(q + 2 * matrix, t[i][0] - t[i][1]);
      store(q + 3 * matrix, zero() - t[i][1]);
    }
  }
}

// The filter's nine gradients, row by row, from the sums u of 16 products.
inline void transformFilters(const Vec* u, Vec* dw) {
  const Vec half = splat(0.5f);
  Vec s[3][4];
  for (int j = 0; j < 4; j++) {
    const Vec sum = half * (u[4 + j] + u[8 + j]);
    s[0][j] = u[j] + sum;
    s[1][j] = half * (u[4 + j] - u[8 + j]);
    s[2][j] = sum + u[12 + j];
  }
  for (int i = 0; i < 3; i++) {
    const Vec sum = half * (s[i][1] + s[i][2]);
    dw[3 * i] = s[i][0] + sum;
    dw[3 * i + 1] = half * (s[i][1] - s[i][2]);
    dw[3 * i + 2] = sum + s[i][3];
  }
}

}  // namespace host
