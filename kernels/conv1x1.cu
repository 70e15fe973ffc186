// conv1x1.cu: the bottleneck of a dense layer and every other 1x1 convolution, with BN-ReLU on the way in and
// bias-ReLU on the way out.
//
//   y[m,k] = relu?( sum_c relu?(scale[c]*x[m,c] + shift[c]) * w[k,c] + bias[k] + residual[m,k] )
//
// x, y, residual: views, y packed or a slice; w: K x C, C rounded up to 8 and zero-filled; scale, shift, bias fp32.
// Null scale: x as it is; null bias or residual: none. stride > 1 (a projection shortcut) takes every stride-th pixel.
//
// conv1x1_RxC (fp16, bf16, fp32 in TF32; sm_80): a block makes R pixels by C outputs (pipeline.cuh); a prologue always
//   has its ReLU; x begins on 16 bytes. With `sums` part z of the grid adds up its `steps` of 64 bytes of channels, and
//   conv_sum.cu the parts. With `moments` block i leaves mean and squared differences of what it stored as row i, for
//   fold.cu.
//   192 columns are for growth 48, whose bottlenecks would read x twice in tiles of 128.
//   Launch: block 128, or 256 for 128x128 and 128x192; grid (pixels / R, K / C, parts), rounded up.
// conv1x1 (fp32, any view, sm_75): implicit_gemm.cuh. Launch: block 256, grid (pixels / 64, K / 128), rounded up.
//
// FLOP: 2*pixels*C*K. Bytes: x once for each C columns of K (from L2 but for the first), w once for each R pixels (L2),
// y once. A dense layer (C = 512, K = 128) does 102 FLOP a byte: bound by memory on sm_90 (ridge near 200), if shared
// memory keeps up. It does: 16 channels of 128x128 move 24 KB of fragments, 192 clocks, while memory takes 248.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine kernel
// arch: sm_90a
#include "pipeline.cuh"

KERNELS(conv1x1, FIBERS, (256, 2), Convolution, multiply<1, 2, 4>)

// ROWS = 16 * M * TM, COLUMNS = 8 * N * TN: M x N warps of TM x TN tiles. BLOCKS on a multiprocessor of sm_80.
#define PIPELINE(T, t, ROWS, COLUMNS, M, N, TM, TN, BLOCKS)                                                     \
  KERNEL(conv1x1_##ROWS##x##COLUMNS##_##t, FIBERS, (32 * M * N, BLOCKS), Convolution<T>,                        \
         pipeline<1, M, N, TM, TN, 4>)

#define PIPELINES(T, t)                      \
  PIPELINE(T, t, 128, 192, 4, 2, 2, 12, 1)   \
  PIPELINE(T, t, 128, 128, 4, 2, 2, 8, 2)    \
  PIPELINE(T, t, 128, 64, 4, 1, 2, 8, 3)     \
  PIPELINE(T, t, 64, 192, 2, 2, 2, 12, 2)    \
  PIPELINE(T, t, 64, 128, 2, 2, 2, 8, 3)     \
  PIPELINE(T, t, 64, 64, 2, 2, 2, 4, 4)
PIPELINES(half, f16)
PIPELINES(bfloat16, bf16)
PIPELINES(float, tf32)
