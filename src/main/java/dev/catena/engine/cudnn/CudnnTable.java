package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.engine.cudnn.CudnnTable.Row;
import dev.catena.graph.Op;
import java.util.Arrays;
import java.util.List;

/**
 * A descriptor of cuDNN's graph API as a plain value: its attributes in the order in which they are
 * set. {@link CudnnLowering} makes the native one. {@link #toString} is complete and stable: that
 * of a graph is the key of its stored plans.
 *
 * @param descriptor its type, of {@link CudnnConstants}
 */
record CudnnTable(int descriptor, List<Row> rows) {
  /**
   * An attribute and its elements: numbers, or other descriptors.
   *
   * @param attribute with the type of its elements
   */
  record Row(CudnnAttribute attribute, List<Long> numbers, List<CudnnTable> tables) {
    Row(CudnnAttribute attribute, long... numbers) {
      this(attribute, Arrays.stream(numbers).boxed().toList(), List.of());
    }

    Row(CudnnAttribute attribute, CudnnTable table) {
      this(attribute, List.of(), List.of(table));
    }

    @Override
    public String toString() {
      return attribute + "=" + (tables.isEmpty() ? numbers : tables);
    }
  }

  CudnnTable {
    rows = List.copyOf(rows);
  }

  CudnnTable(int descriptor, Row... rows) {
    this(descriptor, List.of(rows));
  }

  /** What a convolution computes from the other two tensors. */
  enum Direction {
    /** y from x and w. */
    FORWARD,
    /** dx from dy and w. */
    DATA,
    /** dw from x and dy. */
    WEIGHTS
  }

  /** Operations that run as one; the tensors that they share join them. */
  static CudnnTable graph(List<CudnnTable> operations) {
    return new CudnnTable(
        CudnnConstants.BACKEND_OPERATIONGRAPH_DESCRIPTOR,
        new Row(CudnnAttribute.OPERATIONGRAPH_OPS, List.of(), operations));
  }

  /**
   * A convolution, or its gradient. Groups follow from the extents: input channels of {@code x}
   * over those of {@code w}.
   *
   * @param rows the windows along the height of x
   * @param columns those along its width
   */
  static CudnnTable convolution(
      Direction direction,
      CudnnTensor x,
      CudnnTensor w,
      CudnnTensor y,
      Op.Window rows,
      Op.Window columns) {
    CudnnTable window =
        new CudnnTable(
            CudnnConstants.BACKEND_CONVOLUTION_DESCRIPTOR,
            new Row(CudnnAttribute.CONVOLUTION_COMP_TYPE, CudnnConstants.DATA_FLOAT),
            new Row(CudnnAttribute.CONVOLUTION_CONV_MODE, CudnnConstants.CROSS_CORRELATION),
            new Row(CudnnAttribute.CONVOLUTION_SPATIAL_DIMS, 2),
            new Row(CudnnAttribute.CONVOLUTION_DILATIONS, rows.dilation(), columns.dilation()),
            new Row(CudnnAttribute.CONVOLUTION_FILTER_STRIDES, rows.stride(), columns.stride()),
            new Row(CudnnAttribute.CONVOLUTION_PRE_PADDINGS, rows.pad(), columns.pad()),
            new Row(CudnnAttribute.CONVOLUTION_POST_PADDINGS, rows.end(), columns.end()));
    return switch (direction) {
      case FORWARD ->
          new CudnnTable(
              CudnnConstants.BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_X, x.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_W, w.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_Y, y.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_ALPHA, 1),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_BETA, 0));
      case DATA ->
          new CudnnTable(
              CudnnConstants.BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_DX, x.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_W, w.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_DY, y.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, window),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_BETA, 0));
      case WEIGHTS ->
          new CudnnTable(
              CudnnConstants.BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_X, x.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_DW, w.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_DY, y.table()),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, window),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 1),
              new Row(CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_BETA, 0));
    };
  }

  /** y = x + b in fp32, b broadcast where its extent is 1. */
  static CudnnTable add(CudnnTensor x, CudnnTensor b, CudnnTensor y) {
    return new CudnnTable(
        CudnnConstants.BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
        new Row(
            CudnnAttribute.OPERATION_POINTWISE_PW_DESCRIPTOR,
            pointwise(CudnnConstants.POINTWISE_ADD)),
        new Row(CudnnAttribute.OPERATION_POINTWISE_XDESC, x.table()),
        new Row(CudnnAttribute.OPERATION_POINTWISE_BDESC, b.table()),
        new Row(CudnnAttribute.OPERATION_POINTWISE_YDESC, y.table()));
  }

  /** y = max(x, 0). */
  static CudnnTable relu(CudnnTensor x, CudnnTensor y) {
    return new CudnnTable(
        CudnnConstants.BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
        new Row(
            CudnnAttribute.OPERATION_POINTWISE_PW_DESCRIPTOR,
            pointwise(CudnnConstants.POINTWISE_RELU_FWD)),
        new Row(CudnnAttribute.OPERATION_POINTWISE_XDESC, x.table()),
        new Row(CudnnAttribute.OPERATION_POINTWISE_YDESC, y.table()));
  }

  /** An operation on each element, by its number. */
  static CudnnTable pointwise(int mode) {
    return new CudnnTable(
        CudnnConstants.BACKEND_POINTWISE_DESCRIPTOR,
        new Row(CudnnAttribute.POINTWISE_MODE, mode),
        new Row(CudnnAttribute.POINTWISE_MATH_PREC, CudnnConstants.DATA_FLOAT));
  }
}
