// pool.cu: the largest or the mean value of each window.
//
//   max_pool:        y[n,oh,ow,c] = max  x[n,h,w,c]           over the window's pixels; padding is ignored, NaN wins
//   average_pool:    y[n,oh,ow,c] = sum x[n,h,w,c] / cells    cells: the pixels that the window has, or, with
//                                                             include_pad, those and the padding that it covers
//   global_average:  y[n,c]       = sum x[n,i,c] / area
//
// Along each axis window i begins at i*stride - pad, with `dilation` pixels from one tap to the next. The last may be
// partial (ceil mode): it is the caller's choice of the output's size. Sums are fp32, in a fixed order, without barriers.
// Launch: element-wise over output pixels (common.cuh); global_average over images.
// Bytes: one read of x (overlaps come from the cache), one write of y.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool,average-pool,global-average
#include "pool.cuh"

KERNELS(max_pool, LOOP, (256), Pool, max<Identity>)
KERNELS(average_pool, LOOP, (256), Pool, average<Identity>)
KERNELS(global_average, LOOP, (256), GlobalAverage, average<Identity>)
