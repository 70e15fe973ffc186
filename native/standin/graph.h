// graph.h: the graphs of cuDNN's backend that Catena builds, as values: their text, their rules, their loops.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include "standin.h"

namespace standin {

// Extents and strides in the order N, C, H, W; filters K, C, R, S.
struct Tensor {
  int64_t id = 0, alignment = 0;
  Type type = Type::FLOAT;
  bool isVirtual = false;
  std::array<int64_t, 4> extent{}, stride{};

  int64_t at(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3];
  }
  int64_t elements() const { return extent[0] * extent[1] * extent[2] * extent[3]; }
};

enum class Kind { FORWARD = 10, FILTER = 11, DATA = 12, POINTWISE = 13 };
enum Mode { ADD = 0, MULTIPLY = 1, RELU = 100 };

// Of a convolution x, w, y; of a pointwise operation x, b (-1: none), y: indices of tensors.
struct Operation {
  Kind kind = Kind::FORWARD;
  int x = -1, w = -1, y = -1, mode = 0;
  float alpha = 1, beta = 0;
  std::array<int64_t, 2> pre{}, post{}, step{1, 1}, dilation{1, 1};
  int target() const { return kind == Kind::FILTER ? w : kind == Kind::DATA ? x : y; }
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Operation> operations;

  // Why a real cuDNN would refuse it; empty if it would not.
  std::string refusal() const;
  std::string text() const;
  static std::optional<Graph> parse(std::istream& in);
  // `memory` of every tensor that is not virtual. `tf32`: factors in fp32 are rounded.
  void run(const std::map<int64_t, void*>& memory, bool tf32) const;
};

inline std::string Graph::refusal() const {
  std::vector<bool> written(tensors.size());
  for (const Operation& op : operations) {
    const Tensor &x = tensors[op.x], &y = tensors[op.y];
    if (op.kind == Kind::POINTWISE) {
      if (op.mode != ADD && op.mode != MULTIPLY && op.mode != RELU) return "an unknown pointwise mode";
      if ((op.mode == RELU) != (op.w < 0)) return "a pointwise operation with a wrong number of operands";
      if (x.extent != y.extent) return "x and y of a pointwise operation have different extents";
      for (int d = 0; op.w >= 0 && d < 4; d++) {
        int64_t extent = tensors[op.w].extent[d];
        if (extent != 1 && extent != y.extent[d]) return "b of a pointwise operation cannot be broadcast";
      }
      if (!x.isVirtual && !written[op.x]) return "a pointwise operation in front of the convolution";
      if (op.w >= 0 && tensors[op.w].isVirtual && !written[op.w]) return "b is virtual and nobody writes it";
    } else {
      const Tensor& w = tensors[op.w];
      if (w.extent[0] != y.extent[1]) return "the filters are not as many as y has channels";
      if (w.extent[1] == 0 || x.extent[1] % w.extent[1] != 0) return "x's channels are no multiple of the filters'";
      if (w.extent[0] % (x.extent[1] / w.extent[1]) != 0) return "the groups do not divide the filters";
      if (x.extent[0] != y.extent[0]) return "x and y have different numbers of images";
      for (int d = 0; d < 2; d++) {
        int64_t reach = op.dilation[d] * (w.extent[2 + d] - 1) + 1;
        int64_t free = x.extent[2 + d] + op.pre[d] + op.post[d] - reach;
        if (op.dilation[d] != 1 || op.step[d] < 1 || op.pre[d] < 0 || op.pre[d] >= reach || op.pre[d] != op.post[d]) {
          return "a dilation, step or padding that no engine has";
        }
        if (free < 0 || free / op.step[d] + 1 != y.extent[2 + d]) return "y has not the extent of the convolution";
      }
      int64_t packed = w.extent[1];
      if (w.stride[1] != 1 || w.stride[3] != packed || w.stride[2] != packed * w.extent[3] ||
          w.stride[0] != packed * w.extent[3] * w.extent[2]) {
        return "filters with gaps";
      }
      if (x.type != y.type && !y.isVirtual) return "x and y have different types";
      if (w.type != x.type) return "x and the filters have different types";
      if (tensors[op.target()].isVirtual && op.beta != 0) return "a virtual result that is added to";
      if (op.alpha != 1 || op.beta != 0) return "engines for alpha 1 and beta 0 only";
    }
    const Tensor& target = tensors[op.target()];
    if (target.isVirtual && target.type != Type::FLOAT) return "an intermediate value that is not fp32";
    if (written[op.target()]) return "a tensor is written twice";
    written[op.target()] = true;
  }
  for (size_t i = 0; i < tensors.size(); i++) {
    const Tensor& t = tensors[i];
    if (t.isVirtual && !written[i]) return "a virtual tensor is read and nobody writes it";
    if (t.stride[1] != 1) return "channels are not innermost";
    if (t.stride[3] < t.extent[1] || t.stride[2] != t.stride[3] * t.extent[3] ||
        t.stride[0] != t.stride[2] * t.extent[2]) {
      return "pixels that overlap or do not follow each other";
    }
    if (t.alignment % bytesOf(t.type) != 0) return "an alignment below the element's size";
  }
  return "";
}

inline std::string Graph::text() const {
  std::ostringstream out;
  out << tensors.size() << ' ' << operations.size() << '\n';
  for (const Tensor& t : tensors) {
    out << t.id << ' ' << t.alignment << ' ' << int(t.type) << ' ' << t.isVirtual;
    for (int d = 0; d < 4; d++) out << ' ' << t.extent[d] << ' ' << t.stride[d];
    out << '\n';
  }
  for (const Operation& o : operations) {
    out << int(o.kind) << ' ' << o.x << ' ' << o.w << ' ' << o.y << ' ' << o.mode;
    for (int d = 0; d < 2; d++) out << ' ' << o.pre[d] << ' ' << o.step[d];
    out << '\n';
  }
  return out.str();
}

inline std::optional<Graph> Graph::parse(std::istream& in) {
  size_t tensors = 0, operations = 0;
  if (!(in >> tensors >> operations) || tensors > 64 || operations > 64) return {};
  Graph graph{std::vector<Tensor>(tensors), std::vector<Operation>(operations)};
  int number = 0;
  for (Tensor& t : graph.tensors) {
    in >> t.id >> t.alignment >> number >> t.isVirtual;
    t.type = Type(number);
    for (int d = 0; d < 4; d++) in >> t.extent[d] >> t.stride[d];
  }
  auto valid = [&](int index, int least) { return index >= least && index < int(tensors); };
  for (Operation& o : graph.operations) {
    in >> number >> o.x >> o.w >> o.y >> o.mode;
    o.kind = Kind(number);
    for (int d = 0; d < 2; d++) in >> o.pre[d] >> o.step[d];
    o.post = o.pre;
    if (!valid(o.x, 0) || !valid(o.w, -1) || !valid(o.y, 0)) return {};
  }
  if (!in || !graph.refusal().empty()) return {};
  return graph;
}

inline void Graph::run(const std::map<int64_t, void*>& memory, bool tf32) const {
  std::vector<std::vector<float>> values(tensors.size());  // of intermediate tensors, dense N, C, H, W
  auto dense = [](const Tensor& t, int64_t n, int64_t c, int64_t h, int64_t w) {
    return ((n * t.extent[1] + c) * t.extent[2] + h) * t.extent[3] + w;
  };
  auto get = [&](int i, int64_t n, int64_t c, int64_t h, int64_t w) {
    const Tensor& t = tensors[i];
    return t.isVirtual ? values[i][dense(t, n, c, h, w)] : load(memory.at(t.id), t.at(n, c, h, w), t.type);
  };
  auto factor = [&](int i, int64_t n, int64_t c, int64_t h, int64_t w) {
    float value = get(i, n, c, h, w);
    return tf32 && tensors[i].type == Type::FLOAT ? roundToTf32(value) : value;
  };
  for (const Operation& op : operations) {
    const Tensor &result = tensors[op.target()], &x = tensors[op.x], &y = tensors[op.y];
    std::vector<double> sums(result.elements());
    auto each = [](const Tensor& t, auto&& body) {
      for (int64_t n = 0; n < t.extent[0]; n++)
        for (int64_t c = 0; c < t.extent[1]; c++)
          for (int64_t h = 0; h < t.extent[2]; h++)
            for (int64_t w = 0; w < t.extent[3]; w++) body(n, c, h, w);
    };
    if (op.kind == Kind::POINTWISE) {
      each(y, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        float a = get(op.x, n, c, h, w), b = 0;
        if (op.w >= 0) {
          const auto& e = tensors[op.w].extent;
          b = get(op.w, e[0] == 1 ? 0 : n, e[1] == 1 ? 0 : c, e[2] == 1 ? 0 : h, e[3] == 1 ? 0 : w);
        }
        sums[dense(y, n, c, h, w)] = op.mode == ADD ? a + b : op.mode == MULTIPLY ? a * b : a > 0 || a != a ? a : 0;
      });
    } else {
      const Tensor& filters = tensors[op.w];
      int64_t each_group = filters.extent[1], outputs = filters.extent[0] / (x.extent[1] / each_group);
      // Every pair of a pixel of y and a tap meets a pixel of x: what is summed up where is the only difference.
      each(y, [&](int64_t n, int64_t k, int64_t oh, int64_t ow) {
        float of_y = op.kind == Kind::FORWARD ? 0 : factor(op.y, n, k, oh, ow);
        for (int64_t r = 0; r < filters.extent[2]; r++)
          for (int64_t s = 0; s < filters.extent[3]; s++) {
            int64_t h = oh * op.step[0] - op.pre[0] + r, w = ow * op.step[1] - op.pre[1] + s;
            if (h < 0 || h >= x.extent[2] || w < 0 || w >= x.extent[3]) continue;
            for (int64_t c = 0; c < each_group; c++) {
              int64_t of_x = k / outputs * each_group + c;
              if (op.kind == Kind::FORWARD) {
                sums[dense(y, n, k, oh, ow)] += double(factor(op.x, n, of_x, h, w)) * factor(op.w, k, c, r, s);
              } else if (op.kind == Kind::DATA) {
                sums[dense(x, n, of_x, h, w)] += double(of_y) * factor(op.w, k, c, r, s);
              } else {
                sums[dense(filters, k, c, r, s)] += double(of_y) * factor(op.x, n, of_x, h, w);
              }
            }
          }
      });
    }
    std::vector<float>& kept = values[op.target()];
    if (result.isVirtual) kept.assign(sums.begin(), sums.end());
    if (!result.isVirtual) {
      each(result, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        store(memory.at(result.id), result.at(n, c, h, w), result.type, float(sums[dense(result, n, c, h, w)]));
      });
    }
  }
}

}  // namespace standin
