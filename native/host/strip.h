// Rows of an image packed for the register tile, with the zero padding of a convolution around
// them: what convolutions read, and their gradients.
//
// A packed pixel takes `pixel` words from one to the next. Images of few channels (the stem's three)
// would waste most of them: with merged > 0 a packed pixel has just that many elements, and the
// elements under a kernel's row lie one after the other.
#pragma once

#include "panel.h"

#include <algorithm>
#include <type_traits>

namespace host {

// An image in a channel view, and what is applied to it while loading.
template <class S>
struct Image {
  const typename S::Element* at;
  int height, width, pitch, channels, padW;
  int prologue;
  const float *scale, *shift;
  int merged;
};

struct ConvolutionShape {
  int height, width, outHeight, outWidth;
  int channels, outputs;  // of one group
  int kernelH, kernelW, stride, padH, padW, merged;
  int rows, strip;  // output rows of a block, and of a strip
};

// Words from one packed pixel to the next: whole vectors of any build.
template <class M>
inline int pixelWords(int channels) {
  return rowWords(roundUp(channels, 16) / M::kPerWord);
}

template <class M, class S>
class Strip {
 public:
  Strip(const Image<S>& image, float* packed)
      : image(image),
        packed(packed),
        perWord(image.merged > 0 ? M::kPerWord : 1),
        pixel(image.merged > 0 ? image.merged
                               : pixelWords<M>(image.channels)),
        line((image.width + 2 * image.padW) * pixel / perWord + (image.merged > 0 ? 16 : 0)) {}

  // Packs the image's row, or zeros where there is none, into row r.
  void pack(int row, int r) {
    float* to = packed + (long)r * line;
    if (row < 0 || row >= image.height) {
      std::memset(to, 0, sizeof(float) * line);
      return;
    }
    const typename S::Element* from = image.at + (long)row * image.width * image.pitch;
    if (image.merged > 0) {
      packMerged(from, to);
      return;
    }
    const long margin = (long)image.padW * pixel;
    std::memset(to, 0, sizeof(float) * margin);
    std::memset(to + margin + (long)image.width * pixel, 0, sizeof(float) * margin);
    for (int i = 0; i < image.width; i++) {
      packPixel<M, S>(from + (long)i * image.pitch, image.channels, image.prologue, image.scale,
                      image.shift, to + margin + (long)i * pixel);
    }
  }

  // Rows [row, row + count) become rows 0 .. count. With `kept` > 0 the first so many of them are
  // there already, `shift` rows further down.
  void fill(int row, int count, int kept, int shift) {
    if (kept > 0) std::memmove(packed, packed + (long)shift * line, sizeof(float) * kept * line);
    for (int r = kept; r < count; r++) pack(row + r, r);
  }

  // Where the kernel's tap (r, s) lies from the first pixel of its window.
  long offset(int r, int s) const { return (long)r * line + (long)s * pixel; }

  Image<S> image;
  float* const packed;
  const int perWord;  // elements of `pixel` in a word
  const int pixel;    // words, or elements if merged
  const int line;     // words of a row

 private:
  void packMerged(const typename S::Element* from, float* to) {
    using Packed = std::conditional_t<M::kPerWord == 2, uint16_t, float>;
    Packed* out = (Packed*)to + image.padW * image.merged;
    Packed* end = out + image.width * image.merged;
    std::memset(to, 0, (char*)out - (char*)to);
    // A vector a pixel that fits in one, whose superfluous lanes the next pixel overwrites; not
    // beyond the row, though.
    const bool plain = image.prologue == kNone && image.merged == image.channels &&
                       image.merged <= kLanes;
    const int whole = plain ? std::max(0, image.width - ceilDiv(kLanes, image.pitch)) : 0;
    for (int i = 0; i < whole; i++) {
      M::write((float*)(out + i * image.merged), S::read(from + (long)i * image.pitch));
    }
    alignas(64) float words[kPanel];
    for (int i = whole; i < image.width; i++) {
      packPixel<M, S>(from + (long)i * image.pitch, image.channels, image.prologue, image.scale,
                      image.shift, words);
      const Packed* pixel = (const Packed*)words;
      for (int c = 0; c < image.merged; c++) out[i * image.merged + c] = pixel[c];
    }
    std::memset(end, 0, (char*)(to + line) - (char*)end);
  }
};

}  // namespace host
