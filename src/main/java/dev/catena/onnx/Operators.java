package dev.catena.onnx;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/** ONNX's operators that a graph can say. */
final class Operators {
  /** By their names in ONNX. */
  static final SortedMap<String, OnnxOperator> BY_NAME = table();

  private Operators() {}

  private static SortedMap<String, OnnxOperator> table() {
    SortedMap<String, OnnxOperator> table = new TreeMap<>();
    table.put("Conv", LayerOperators::conv);
    table.put("Gemm", LayerOperators::gemm);
    table.put("MatMul", LayerOperators::matMul);
    table.put("BatchNormalization", LayerOperators::batchNorm);
    table.put("MaxPool", PoolOperators::max);
    table.put("AveragePool", PoolOperators::average);
    table.put("GlobalAveragePool", PoolOperators::globalAverage);
    table.put("GlobalMaxPool", PoolOperators::globalMax);
    table.put("ReduceMean", PoolOperators::reduceMean);
    table.put("Relu", ElementOperators::relu);
    table.put("Add", ElementOperators::add);
    table.put("Sum", ElementOperators::sum);
    table.put("Sub", ElementOperators::subtract);
    table.put("Mul", ElementOperators::multiply);
    table.put("Div", ElementOperators::divide);
    table.put("Sigmoid", ElementOperators::sigmoid);
    table.put("Clip", ElementOperators::clip);
    table.put("Neg", ElementOperators::negate);
    table.put("Mean", ElementOperators::mean);
    table.put("Concat", ChannelOperators::concat);
    table.put("LRN", ChannelOperators::localResponseNorm);
    table.put("Pad", ChannelOperators::pad);
    table.put("Slice", ChannelOperators::slice);
    table.put("Gather", ChannelOperators::gather);
    table.put("Dropout", ShapeOperators::dropout);
    table.put("Identity", ShapeOperators::identity);
    table.put("Flatten", ShapeOperators::flatten);
    table.put("Reshape", ShapeOperators::reshape);
    table.put("Squeeze", ShapeOperators::squeeze);
    table.put("Unsqueeze", ShapeOperators::unsqueeze);
    table.put("Transpose", ShapeOperators::transpose);
    table.put("Shape", ShapeOperators::shape);
    table.put("Cast", ShapeOperators::cast);
    return Collections.unmodifiableSortedMap(table);
  }
}
