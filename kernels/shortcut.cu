// shortcut.cu: the end of a residual block whose shortcut has no parameters; and zero channels alone.
//
//   shortcut:      y[n,h,w,c] = relu?( scale[c] * (f[n,h,w,c] + (c < Cx ? S(x)[n,h,w,c] : 0)) + shift[c] )
//     S: identity | x[n,2h,2w,c] (ResNet's option A) | mean of the pixels that x has of 2h, 2h+1 by 2w, 2w+1
//        (PyramidNet)
//   pad_channels:  y[p,c] = c < Cx ? x[p,c] : 0
//
// f, y: views of `channels`; x: view of Cx <= channels, read for c < Cx only: nothing padded is ever in memory. scale,
// shift: fp32, null for 1 and 0. y may be f; with S the identity and Cx = channels also x.
// Launch: element-wise over output pixels (common.cuh). FLOP: 2 to 7 a value.
// Bytes: one read of f and of x, half or all of its lines with S, one write of y.
// Check: java -m dev.catena/dev.catena.conformance.Main --op shortcut,pad-channels
#include "pool.cuh"

enum Sampling { NONE, SUBSAMPLE, AVERAGE };

template <class T>
struct Shortcut {
  View<T> y;
  View<const T> f, x;
  Prologue epilogue;
  int sampling, images;
  Image in, out;
  int x_channels, channels;

  // S(x) at one output pixel.
  __device__ __forceinline__ Floats sampled(Place at, int c) const {
    int step = sampling == NONE ? 1 : 2, edge = sampling == AVERAGE ? 2 : 1;
    Taps taps{edge, step, 0, 0, 1};
    Window rows(at.h, taps, in.height), columns(at.w, taps, in.width);
    Floats sum = fold_window(filled(0.0f), x, Identity(), in, at.n, rows, columns, c, x_channels - c, Sum());
    return sum / float((rows.end - rows.begin) * (columns.end - columns.begin));
  }
  __device__ __forceinline__ void add() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Floats sum = widen(load(f.at(p, c), count));
    if (c < x_channels) sum = sum + sampled(Place(p, out), c);
    store(y.at(p, c), narrow<T>(epilogue(sum, c, count)), count);
  }
};

template <class T>
struct PadChannels {
  View<T> y;
  View<const T> x;
  int pixels, x_channels, channels;

  __device__ __forceinline__ void pad() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    // Where x has no channels left, load reads nothing and answers zeros.
    store(y.at(p, c), load(x.at(p, c), x_channels - c), count);
  }
};

KERNELS(shortcut, LOOP, (256), Shortcut, add)
KERNELS(pad_channels, LOOP, (256), PadChannels, pad)
