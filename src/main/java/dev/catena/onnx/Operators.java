package dev.catena.onnx;

import dev.catena.graph.BinaryFunction;
import dev.catena.graph.ElementFunction;
import dev.catena.graph.Op;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;

/** ONNX's operators that a graph can say. */
final class Operators {
  /** By their names in ONNX. */
  static final SortedMap<String, OnnxOperator> BY_NAME = table();

  private Operators() {}

  private static SortedMap<String, OnnxOperator> table() {
    SortedMap<String, OnnxOperator> table = new TreeMap<>();
    table.put("Conv", one(LayerOperators::conv));
    table.put("ConvTranspose", one(LayerOperators::convTranspose));
    table.put("Gemm", one(LayerOperators::gemm));
    table.put("MatMul", one(LayerOperators::matMul));
    table.put("BatchNormalization", one(LayerOperators::batchNorm));
    table.put("MaxPool", one(PoolOperators::max));
    table.put("AveragePool", one(PoolOperators::average));
    table.put("GlobalAveragePool", one(PoolOperators::globalAverage));
    table.put("GlobalMaxPool", one(PoolOperators::globalMax));
    table.put("ReduceMean", one(PoolOperators::reduceMean));
    table.put("ReduceSum", one(PoolOperators::reduceSum));
    table.put("ReduceMax", one(PoolOperators::reduceMax));
    table.put("Relu", one(ElementOperators::relu));
    table.put("Add", one(ElementOperators.all(BinaryFunction.SUM)));
    table.put("Sum", one(ElementOperators.all(BinaryFunction.SUM)));
    table.put("Sub", one(ElementOperators.all(BinaryFunction.SUB)));
    table.put("Mul", one(ElementOperators::multiply));
    table.put("Div", one(RowOperators::divide));
    table.put("Max", one(ElementOperators.all(BinaryFunction.MAX)));
    table.put("Min", one(ElementOperators.all(BinaryFunction.MIN)));
    table.put("PRelu", one(ElementOperators.all(BinaryFunction.PRELU)));
    table.put("Pow", one(ElementOperators::power));
    table.put("Sigmoid", one(ElementOperators::sigmoid));
    table.put("Clip", one(ElementOperators::clip));
    table.put("LeakyRelu", one(ElementOperators::leakyRelu));
    table.put("Elu", one(ElementOperators::elu));
    table.put("HardSigmoid", one(ElementOperators::hardSigmoid));
    table.put("HardSwish", one(ElementOperators.function(ElementFunction.HARD_SWISH)));
    table.put("Gelu", one(ElementOperators::gelu));
    table.put("Tanh", one(ElementOperators.function(ElementFunction.TANH)));
    table.put("Exp", one(ElementOperators.function(ElementFunction.EXP)));
    table.put("Sqrt", one(ElementOperators.function(ElementFunction.SQRT)));
    table.put("Erf", one(ElementOperators.function(ElementFunction.ERF)));
    table.put("Log", one(ElementOperators.function(ElementFunction.LOG)));
    table.put("Reciprocal", one(ElementOperators.function(ElementFunction.RECIPROCAL)));
    table.put("Softplus", one(ElementOperators.function(ElementFunction.SOFTPLUS)));
    table.put("Abs", one(ElementOperators.function(ElementFunction.ABS)));
    table.put("Softmax", one(RowOperators.softmax(Op.SoftmaxForm.PROBABILITIES)));
    table.put("LogSoftmax", one(RowOperators.softmax(Op.SoftmaxForm.LOGARITHMS)));
    table.put("ArgMax", one(RowOperators::argMax));
    table.put("LayerNormalization", one(RowOperators.layerNorm(false)));
    table.put("RMSNormalization", one(RowOperators.layerNorm(true)));
    table.put("InstanceNormalization", one(RowOperators::instanceNorm));
    table.put("GroupNormalization", one(RowOperators::groupNorm));
    table.put("Expand", one(RowOperators::expand));
    table.put("Neg", one(ElementOperators::negate));
    table.put("Mean", one(ElementOperators::mean));
    table.put("Concat", one(ChannelOperators::concat));
    table.put("LRN", one(ChannelOperators::localResponseNorm));
    table.put("Pad", one(SpaceOperators::pad));
    table.put("Slice", one(SpaceOperators::slice));
    table.put("Gather", one(ChannelOperators::gather));
    table.put("Resize", one(SpaceOperators::resize));
    table.put("Upsample", one(SpaceOperators::upsample));
    table.put("DepthToSpace", one(SpaceOperators::depthToSpace));
    table.put("SpaceToDepth", one(SpaceOperators::spaceToDepth));
    table.put("Dropout", one(ShapeOperators::dropout));
    table.put("Identity", one(ShapeOperators::identity));
    table.put("Flatten", one(ShapeOperators::flatten));
    table.put("Reshape", one(ShapeOperators::reshape));
    table.put("Squeeze", one(ShapeOperators::squeeze));
    table.put("Unsqueeze", one(ShapeOperators::unsqueeze));
    table.put("Transpose", one(ShapeOperators::transpose));
    table.put("Shape", one(ShapeOperators::shape));
    table.put("Cast", one(ShapeOperators::cast));
    table.put("Split", ChannelOperators::split);
    return Collections.unmodifiableSortedMap(table);
  }

  /** An operator of which the first output is understood. */
  private static OnnxOperator one(BiFunction<GraphImport, OnnxNode, Term> operator) {
    return (graph, node) -> List.of(operator.apply(graph, node));
  }
}
