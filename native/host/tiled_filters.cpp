// Filters that a step trains, into the panels of microkernel.h:
//
//     panel[t][c][j] = w[group*groupStep + (32*panel + j)*outputStep + t*tapStep
//                        + c/inner*outerStep + c%inner*channelStep]
//
// and zero where j is beyond `outputs`, c beyond `filled` or c%inner beyond `channels`. Steps are
// elements and may be negative: the gradient by the input reads the taps backwards, with inputs and
// outputs exchanged.
// Launch: one block for a panel of one group. form: 0 floats, 1 pairs of bfloat16, 2 Winograd's 16
// values G g G' (winograd.h) of filters of 9 taps.
#include "kernel.h"
#include "winograd.h"

#include <type_traits>

namespace {

using namespace host;

template <class S>
inline float widen(typename S::Element v) {
  if constexpr (std::is_same_v<S, F32>) return v;
  typename S::Element lanes[kLanes] = {v};
  float wide[kLanes];
  store(wide, S::read(lanes));
  return wide[0];
}

template <class S>
struct Filters {
  const typename S::Element* w;
  void* out;
  long groupStep, outputStep, tapStep, outerStep, channelStep;
  int outputs, taps, depth, filled, inner, channels, form;

  void run() const;
};

// Words of T: floats, or halves of a pair that lie next to each other.
template <class T, int PerWord, class S, class Convert>
void pack(const Filters<S>& f, T* out, int panel, int group, Convert convert) {
  const long words = (long)f.taps * f.depth * kPanel;
  out += (group * ceilDiv(f.outputs, kPanel) + panel) * words;
  const auto* w = f.w + group * f.groupStep + (long)panel * kPanel * f.outputStep;
  const int columns = f.outputs - panel * kPanel < kPanel ? f.outputs - panel * kPanel : kPanel;
  std::memset(out, 0, sizeof(T) * words);
  for (int t = 0; t < f.taps; t++) {
    for (int c = 0; c < f.depth; c++) {
      if (c >= f.filled || c % f.inner >= f.channels) continue;
      const auto* from = w + t * f.tapStep + c / f.inner * f.outerStep + c % f.inner * f.channelStep;
      T* to = out + ((long)t * f.depth + c / PerWord * PerWord) * kPanel + c % PerWord;
      for (int j = 0; j < columns; j++) to[j * PerWord] = convert(from[j * f.outputStep]);
    }
  }
}

template <class S>
void packWinograd(const Filters<S>& f, float* out, int panel, int group) {
  static constexpr float kG[4][3] = {{1, 0, 0}, {.5f, .5f, .5f}, {.5f, -.5f, .5f}, {0, 0, 1}};
  const long words = (long)kPositions * f.depth * kPanel;
  out += (group * ceilDiv(f.outputs, kPanel) + panel) * words;
  const auto* w = f.w + group * f.groupStep + (long)panel * kPanel * f.outputStep;
  std::memset(out, 0, sizeof(float) * words);
  for (int c = 0; c < f.filled; c++) {
    for (int j = 0; j < kPanel && panel * kPanel + j < f.outputs; j++) {
      const auto* from = w + j * f.outputStep + c * f.channelStep;
      float rows[4][3];  // G g
      for (int s = 0; s < 3; s++) {
        float g[3];
        for (int r = 0; r < 3; r++) g[r] = widen<S>(from[(3 * r + s) * f.tapStep]);
        for (int i = 0; i < 4; i++) rows[i][s] = kG[i][0] * g[0] + kG[i][1] * g[1] + kG[i][2] * g[2];
      }
      for (int t = 0; t < kPositions; t++) {
        const float* g = rows[t / 4];
        const float* h = kG[t % 4];
        out[((long)t * f.depth + c) * kPanel + j] = g[0] * h[0] + g[1] * h[1] + g[2] * h[2];
      }
    }
  }
}

template <class S>
void Filters<S>::run() const {
  using E = typename S::Element;
  if (form == 2) {
    packWinograd<S>(*this, (float*)out, blockIdx.x, blockIdx.y);
  } else if (form == 1) {
    pack<E, 2>(*this, (E*)out, blockIdx.x, blockIdx.y, [](E v) { return v; });
  } else {
    pack<float, 1>(*this, (float*)out, blockIdx.x, blockIdx.y, [](E v) { return widen<S>(v); });
  }
}

}  // namespace

KERNELS(tiled_filters, Filters, run)
