// conv3x3.cu: the 3x3 convolution of a dense layer and of residual blocks, padding 1, with BN-ReLU on the way in and
// bias-ReLU on the way out.
//
//   y[n,oh,ow,k] = relu?( sum_{r,s,c} z[n, oh*stride - 1 + r, ow*stride - 1 + s, c] * w[k,r,s,c] + bias[k]
//                        + residual[n,oh,ow,k] )
//   z = relu?(scale[c]*x + shift[c]) inside the image, 0 outside (padding is zero after the activation)
//
// x, y, residual: views, y usually the layer's slice of the block's buffer; w: KRSC, C rounded up to 8 and zero-filled;
// null scale: z = x; null bias or residual: none.
//
// conv3x3_RxC (fp16, bf16, fp32 in TF32; stride 1; sm_80): a block makes `lines` by `columns` pixels, at most R, by C
//   outputs (pipeline.cuh); a prologue always has its ReLU; x begins on 16 bytes. With `sums` part z of the grid adds
//   up its `steps` of 64 bytes of channels, and conv_sum.cu the parts. With `moments` block i leaves mean and squared
//   differences of what it stored as row i, for fold.cu.
//   Launch: block R threads, 128 for 64x32; grid (images*height / lines * width / columns, K / C, parts), rounded up.
// conv3x3 (fp32, any view, stride 2, sm_75): implicit_gemm.cuh. Launch: block 128, grid (pixels / 128, K / 32).
//
// FLOP: 18*pixels*C*K. Bytes: y and, once and a half for its halo, x; w once for each R pixels (L2). For C = 128 and
// K = 32 in fp16 that is 2*(1.4*128 + 32) bytes a pixel next to 576 of w, where nine reads of x would be 2304: the halo
// in shared memory takes L2's traffic from 2.9 to 1.0 KB a pixel (0.7 with R = 256). 230 FLOP a byte of memory: bound
// by mma.sync and L2 together on sm_90.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine kernel
// arch: sm_90a
#include "pipeline.cuh"

KERNELS(conv3x3, FIBERS, (128, 3), Convolution, multiply<3, 4, 1>)

// ROWS = 16 * M * TM, COLUMNS = 8 * N * TN: M x N warps of TM x TN tiles. BLOCKS on a multiprocessor of sm_80.
#define PIPELINE(T, t, ROWS, COLUMNS, M, N, TM, TN, BLOCKS)                                                     \
  KERNEL(conv3x3_##ROWS##x##COLUMNS##_##t, FIBERS, (32 * M * N, BLOCKS), Convolution<T>,                        \
         pipeline<3, M, N, TM, TN, 2>)

#define PIPELINES(T, t)                    \
  PIPELINE(T, t, 256, 32, 8, 1, 2, 4, 2)   \
  PIPELINE(T, t, 128, 64, 4, 1, 2, 8, 2)   \
  PIPELINE(T, t, 128, 48, 4, 1, 2, 6, 2)   \
  PIPELINE(T, t, 128, 32, 4, 1, 2, 4, 3)   \
  PIPELINE(T, t, 128, 16, 4, 1, 2, 2, 4)   \
  PIPELINE(T, t, 64, 32, 4, 1, 1, 4, 4)
PIPELINES(half, f16)
PIPELINES(bfloat16, bf16)
PIPELINES(float, tf32)
