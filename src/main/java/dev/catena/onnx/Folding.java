package dev.catena.onnx;

import com.google.protobuf.UnsafeByteOperations;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** Operators on constants alone, which exporters leave: arithmetic on shapes and on weights. */
final class Folding {
  /** What an operator makes of constants; one that the node leaves out is null. */
  @FunctionalInterface
  private interface Operator {
    OnnxTensor apply(OnnxNode node, List<OnnxTensor> inputs);
  }

  private static final Map<String, Operator> BY_NAME =
      Map.ofEntries(
          Map.entry("Constant", (node, _) -> constant(node)),
          Map.entry("ConstantOfShape", (_, inputs) -> constantOfShape(inputs)),
          Map.entry("Concat", Folding::concat),
          Map.entry("Gather", Folding::gather),
          Map.entry("Slice", Folding::slice),
          Map.entry("Transpose", Folding::transpose),
          Map.entry("Cast", Folding::cast),
          Map.entry("Add", binary(Double::sum)),
          Map.entry("Sub", binary((a, b) -> a - b)),
          Map.entry("Mul", binary((a, b) -> a * b)),
          Map.entry("Div", binary((a, b) -> a / b)),
          Map.entry("Pow", binary(Math::pow)),
          Map.entry("Mod", Folding::modulo),
          Map.entry("Max", all(Math::max)),
          Map.entry("Min", all(Math::min)),
          Map.entry("Equal", binary((a, b) -> a == b ? 1 : 0)),
          Map.entry("Greater", binary((a, b) -> a > b ? 1 : 0)),
          Map.entry("Less", binary((a, b) -> a < b ? 1 : 0)),
          Map.entry("Where", (_, inputs) -> where(inputs)),
          Map.entry("Floor", unary(Math::floor)),
          Map.entry("Ceil", unary(Math::ceil)),
          Map.entry("Neg", unary(a -> -a)),
          Map.entry("Sqrt", unary(Math::sqrt)),
          Map.entry("Reciprocal", unary(a -> 1 / a)));

  /** What constants may grow to, beyond the largest that the model has itself. */
  private static final int MOST_ELEMENTS = 1 << 24;

  private Folding() {}

  /** Whether {@code node} can be computed when all of its inputs are constants. */
  static boolean has(OnnxNode node) {
    return BY_NAME.containsKey(node.operator());
  }

  /**
   * The node's first output.
   *
   * @param inputs its inputs; null for one that it leaves out
   */
  static OnnxTensor apply(OnnxNode node, List<OnnxTensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      boolean optional = i > 2 && node.operator().equals("Slice");
      if (inputs.get(i) == null && !optional) {
        throw new Unsupported("its input " + i + " is left out");
      }
    }
    return BY_NAME.get(node.operator()).apply(node, inputs);
  }

  private static OnnxTensor constant(OnnxNode node) {
    if (node.hasAttribute("value_int")) {
      List<Integer> none = List.of();
      return OnnxTensor.of(
          none, OnnxTensor.Type.INT64, new double[] {node.integer("value_int", 0)});
    }
    if (node.hasAttribute("value_ints")) {
      List<Integer> values = node.integers("value_ints", List.of());
      return OnnxTensor.of(values.stream().map(Integer::longValue).toList());
    }
    if (node.hasAttribute("value_float")) {
      double[] value = {node.number("value_float", 0)};
      return OnnxTensor.of(List.of(), OnnxTensor.Type.FLOAT, value);
    }
    if (node.hasAttribute("value_floats")) {
      double[] values =
          node.numbers("value_floats").stream().mapToDouble(Float::doubleValue).toArray();
      return OnnxTensor.of(List.of(values.length), OnnxTensor.Type.FLOAT, values);
    }
    throw new Unsupported("its value is neither a tensor nor numbers");
  }

  /** Of zeros, or of the value that {@link OnnxFile} makes the second input. */
  private static OnnxTensor constantOfShape(List<OnnxTensor> inputs) {
    List<Integer> dims = inputs.getFirst().integers().stream().map(Math::toIntExact).toList();
    requireRoom(dims, inputs);
    return inputs.size() > 1
        ? inputs.get(1).picked(dims, _ -> 0)
        : OnnxTensor.of(dims, OnnxTensor.Type.FLOAT, new double[OnnxTensor.elements(dims)]);
  }

  /** A few bytes of a file must not ask for all memory. */
  private static void requireRoom(List<Integer> dims, List<OnnxTensor> inputs) {
    int most = inputs.stream().mapToInt(OnnxTensor::elements).max().orElse(0);
    if (OnnxTensor.elements(dims) > Math.max(most, MOST_ELEMENTS)) {
      throw new Unsupported("it makes a constant of " + dims);
    }
  }

  private static OnnxTensor concat(OnnxNode node, List<OnnxTensor> inputs) {
    List<Integer> dims = new ArrayList<>(inputs.getFirst().dims());
    int axis = ShapeOperators.axis(node.integer("axis", 1), dims.size());
    dims.set(axis, 0);
    for (OnnxTensor part : inputs) {
      List<Integer> others = new ArrayList<>(part.dims());
      int extent = others.size() == dims.size() ? others.set(axis, dims.get(axis)) : 0;
      if (!others.equals(dims)) {
        throw new Unsupported("it joins " + inputs.getFirst().dims() + " and " + part.dims());
      }
      dims.set(axis, Math.addExact(dims.get(axis), extent));
    }
    requireRoom(dims, inputs);
    // Rows of nothing are left out, for they may be without end.
    List<OnnxTensor> parts = alike(inputs.stream().filter(part -> part.elements() > 0).toList());
    OnnxTensor.Type type = (parts.isEmpty() ? inputs : parts).getFirst().type();
    int rows = parts.isEmpty() ? 0 : OnnxTensor.elements(dims.subList(0, axis));
    ByteBuffer data =
        ByteBuffer.allocate(Math.multiplyExact(OnnxTensor.elements(dims), type.bytes));
    for (int row = 0; row < rows; row++) {
      for (OnnxTensor part : parts) {
        int bytes = part.data().size() / rows;
        part.data().substring(row * bytes, (row + 1) * bytes).copyTo(data);
      }
    }
    return new OnnxTensor(
        "", List.copyOf(dims), type, UnsafeByteOperations.unsafeWrap(data.flip()));
  }

  /** In one type: what was folded before is stored in a wider one. */
  private static List<OnnxTensor> alike(List<OnnxTensor> parts) {
    if (parts.stream().map(OnnxTensor::type).distinct().count() <= 1) {
      return parts;
    }
    if (parts.stream().map(part -> part.type().real()).distinct().count() > 1) {
      throw new Unsupported("it joins " + parts.stream().map(OnnxTensor::type).toList());
    }
    return parts.stream().map(p -> OnnxTensor.of(p.dims(), p.type(), p.numbers())).toList();
  }

  private static OnnxTensor gather(OnnxNode node, List<OnnxTensor> inputs) {
    OnnxTensor x = inputs.get(0);
    int axis = ShapeOperators.axis(node.integer("axis", 0), x.dims().size());
    int extent = x.dims().get(axis);
    int[] rows =
        inputs.get(1).integers().stream()
            .mapToInt(i -> ShapeOperators.axis(Math.toIntExact(i), extent))
            .toArray();
    List<Integer> inner = x.dims().subList(axis + 1, x.dims().size());
    int run = OnnxTensor.elements(inner);
    List<Integer> dims = new ArrayList<>(x.dims().subList(0, axis));
    dims.addAll(inputs.get(1).dims());
    dims.addAll(inner);
    requireRoom(dims, inputs);
    return x.picked(
        List.copyOf(dims),
        i -> {
          int outer = i / (run * rows.length);
          return (outer * extent + rows[i / run % rows.length]) * run + i % run;
        });
  }

  private static OnnxTensor slice(OnnxNode node, List<OnnxTensor> inputs) {
    OnnxTensor x = inputs.getFirst();
    List<Picks> picks =
        Picks.of(
            node,
            x.dims(),
            i -> i < inputs.size() && inputs.get(i) != null ? inputs.get(i).integers() : null);
    int[] strides = strides(x.dims());
    int offset = 0;
    for (int axis = 0; axis < strides.length; axis++) {
      offset += picks.get(axis).start() * strides[axis];
      strides[axis] *= picks.get(axis).step();
    }
    List<Integer> dims = picks.stream().map(Picks::count).toList();
    return x.picked(dims, strided(dims, strides, offset));
  }

  private static OnnxTensor transpose(OnnxNode node, List<OnnxTensor> inputs) {
    OnnxTensor x = inputs.getFirst();
    int[] strides = strides(x.dims());
    List<Integer> order = ShapeOperators.order(node, strides.length);
    List<Integer> dims = order.stream().map(x.dims()::get).toList();
    int[] moved = order.stream().mapToInt(axis -> strides[axis]).toArray();
    return x.picked(dims, strided(dims, moved, 0));
  }

  private static OnnxTensor cast(OnnxNode node, List<OnnxTensor> inputs) {
    OnnxTensor x = inputs.getFirst();
    for (OnnxTensor.Type type : OnnxTensor.Type.values()) {
      if (type.number == node.integer("to", 0)) {
        double[] numbers = x.numbers();
        if (type == OnnxTensor.Type.BOOL) {
          Arrays.setAll(numbers, i -> numbers[i] != 0 ? 1 : 0);
        }
        return type == x.type() ? x : OnnxTensor.of(x.dims(), type, numbers);
      }
    }
    throw new Unsupported("it rounds to ONNX's type " + node.integer("to", 0));
  }

  private static Operator unary(DoubleUnaryOperator f) {
    return (_, inputs) -> {
      OnnxTensor x = inputs.getFirst();
      double[] values = x.numbers();
      return OnnxTensor.of(
          x.dims(),
          x.type(),
          IntStream.range(0, values.length).mapToDouble(i -> f.applyAsDouble(values[i])).toArray());
    };
  }

  /** The remainder has the divisor's sign; with fmod the dividend's. */
  private static OnnxTensor modulo(OnnxNode node, List<OnnxTensor> inputs) {
    DoubleBinaryOperator remainder =
        node.integer("fmod", 0) != 0 ? (a, b) -> a % b : (a, b) -> a - b * Math.floor(a / b);
    return binary(remainder).apply(node, inputs);
  }

  /** Over one input or more. */
  private static Operator all(DoubleBinaryOperator f) {
    Operator two = binary(f);
    return (node, inputs) ->
        inputs.stream().reduce((a, b) -> two.apply(node, List.of(a, b))).orElseThrow();
  }

  private static Operator binary(DoubleBinaryOperator f) {
    return (_, inputs) -> {
      OnnxTensor a = inputs.get(0);
      OnnxTensor b = inputs.get(1);
      List<Integer> dims = broadcast(a.dims(), b.dims());
      requireRoom(dims, inputs);
      IntUnaryOperator ofA = broadcast(dims, a.dims(), strides(a.dims()));
      IntUnaryOperator ofB = broadcast(dims, b.dims(), strides(b.dims()));
      double[] x = a.numbers();
      double[] y = b.numbers();
      double[] made = new double[OnnxTensor.elements(dims)];
      for (int i = 0; i < made.length; i++) {
        made[i] = f.applyAsDouble(x[ofA.applyAsInt(i)], y[ofB.applyAsInt(i)]);
      }
      return OnnxTensor.of(dims, a.type(), made);
    };
  }

  /** The second where the first is true, else the third. */
  private static OnnxTensor where(List<OnnxTensor> inputs) {
    List<Integer> dims = List.of();
    for (OnnxTensor input : inputs) {
      dims = broadcast(dims, input.dims());
    }
    requireRoom(dims, inputs);
    List<double[]> numbers = new ArrayList<>();
    List<IntUnaryOperator> places = new ArrayList<>();
    for (OnnxTensor input : inputs) {
      numbers.add(input.numbers());
      places.add(broadcast(dims, input.dims(), strides(input.dims())));
    }
    double[] made = new double[OnnxTensor.elements(dims)];
    for (int i = 0; i < made.length; i++) {
      int from = numbers.getFirst()[places.getFirst().applyAsInt(i)] != 0 ? 1 : 2;
      made[i] = numbers.get(from)[places.get(from).applyAsInt(i)];
    }
    return OnnxTensor.of(dims, inputs.get(1).type(), made);
  }

  /** Numpy's rule: extents are set against each other from the last. */
  static List<Integer> broadcast(List<Integer> a, List<Integer> b) {
    int rank = Math.max(a.size(), b.size());
    List<Integer> dims = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      int ofA = i < rank - a.size() ? 1 : a.get(i - rank + a.size());
      int ofB = i < rank - b.size() ? 1 : b.get(i - rank + b.size());
      if (ofA != ofB && ofA != 1 && ofB != 1) {
        throw new Unsupported("it calculates with " + a + " and " + b);
      }
      dims.add(ofA == 1 ? ofB : ofA);
    }
    return List.copyOf(dims);
  }

  private static IntUnaryOperator broadcast(List<Integer> dims, List<Integer> from, int[] strides) {
    int[] all = new int[dims.size()];
    int front = dims.size() - from.size();
    for (int i = 0; i < strides.length; i++) {
      all[front + i] = from.get(i) == 1 ? 0 : strides[i];
    }
    return strided(dims, all, 0);
  }

  private static int[] strides(List<Integer> dims) {
    int[] strides = new int[dims.size()];
    int stride = 1;
    for (int i = strides.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= dims.get(i);
    }
    return strides;
  }

  /** Where element i of {@code dims} lies. */
  private static IntUnaryOperator strided(List<Integer> dims, int[] strides, int offset) {
    int[] extents = dims.stream().mapToInt(Integer::intValue).toArray();
    return i -> {
      int rest = i;
      int at = offset;
      for (int axis = extents.length - 1; axis >= 0; axis--) {
        at += rest % extents[axis] * strides[axis];
        rest /= extents[axis];
      }
      return at;
    };
  }
}
