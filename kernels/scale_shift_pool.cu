// scale_shift_pool.cu: BN-ReLU and the pool behind it in one pass; the normalised tensor never exists.
//
//   z = relu?(scale[c]*x + shift[c]), then as pool.cu on z
//
//   scale_shift_average_pool    a DenseNet transition, pooled before its 1x1: a quarter of the pixels are convolved
//   scale_shift_max_pool        an ImageNet stem
//   scale_shift_global_average  the end of a DenseNet
//
// Launch: element-wise over output pixels (common.cuh); the global average over images.
// Bytes: one read of x, one write of y (a quarter of x for the transition). FLOP: 3 a value read.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool,average-pool,global-average
#include "pool.cuh"

KERNELS(scale_shift_max_pool, LOOP, (256), Pool, max<ScaleShift>)
KERNELS(scale_shift_average_pool, LOOP, (256), Pool, average<ScaleShift>)
KERNELS(scale_shift_global_average, LOOP, (256), GlobalAverage, average<ScaleShift>)
