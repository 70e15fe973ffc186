package dev.catena.engine;

import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Shape;

/**
 * An input or output of a {@link Problem}: everything about it but its address.
 *
 * <p>For {@link Layout#NHWC} the element (n,h,w,c) lies {@code ((n·H + h)·W + w)·pitch + c}
 * elements after the operand's address, which already points at {@code firstChannel} of its buffer.
 *
 * <p>For {@link Layout#FILTERS} a row is the channels of one tap of one filter: element (k,r,s,c)
 * lies {@code ((k·R + r)·S + s)·pitch + c} elements after the address.
 *
 * @param shape extents; channels are those of the view
 * @param dtype element type
 * @param layout how it lies in memory
 * @param firstChannel channels of the buffer before the view: alignment follows from it
 * @param pitch channels of the buffer from one pixel or row to the next, a multiple of 8; 0 for
 *     other layouts
 */
public record Operand(Shape shape, DType dtype, Layout layout, int firstChannel, int pitch) {
  /** Channels are rounded up to this many in every buffer. */
  public static final int CHANNEL_MULTIPLE = 8;

  /** An activation alone in its buffer. */
  public static Operand packed(Shape shape, DType dtype) {
    return view(shape, dtype, 0, packedPitch(shape.c()));
  }

  /** An activation in the channel range of a buffer that starts at {@code firstChannel}. */
  public static Operand view(Shape shape, DType dtype, int firstChannel, int pitch) {
    return new Operand(shape, dtype, Layout.NHWC, firstChannel, pitch);
  }

  /** A constant: fp32 values in the checkpoint's order. */
  public static Operand constant(Shape shape) {
    return new Operand(shape, DType.FP32, Layout.PARAMETER, 0, 0);
  }

  /** The user's side: dense N,C,H,W in fp32. */
  public static Operand nchw(Shape shape) {
    return new Operand(shape, DType.FP32, Layout.NCHW, 0, 0);
  }

  /** Computed with every batch, fp32 in the order of its shape. */
  public static Operand dense(Shape shape) {
    return new Operand(shape, DType.FP32, Layout.DENSE, 0, 0);
  }

  /**
   * Filters K,C,R,S or weights K,C that are trained, or their gradient.
   *
   * @param dtype of the convolution's activations, or fp32 for a gradient
   */
  public static Operand filters(Shape shape, DType dtype) {
    return new Operand(shape, dtype, Layout.FILTERS, 0, packedPitch(shape.dim(1)));
  }

  /** The pitch of a buffer that holds {@code channels}. */
  public static int packedPitch(int channels) {
    return Math.ceilDiv(channels, CHANNEL_MULTIPLE) * CHANNEL_MULTIPLE;
  }

  /** Elements from the first of the buffer's first row to the end of its last. */
  public long bufferElements() {
    return switch (layout) {
      case NHWC -> shape.pixels() * pitch;
      case FILTERS -> shape.elements() / shape.dim(1) * pitch;
      case NCHW, DENSE, PARAMETER -> shape.elements();
    };
  }

  /** Whether it has images of the batch. */
  public boolean isActivation() {
    return layout == Layout.NHWC;
  }

  /** An activation of {@code from} images with {@code to} of them; others as they are. */
  Operand withImages(int from, int to) {
    return isActivation() && shape.n() == from
        ? view(shape.withImages(to), dtype, firstChannel, pitch)
        : this;
  }

  /** Whether the view is a buffer of its own. */
  public boolean isPacked() {
    return layout == Layout.NHWC && firstChannel == 0 && pitch == packedPitch(shape.c());
  }

  /** Whether there is nothing between one pixel's last channel and the next pixel's first. */
  public boolean isDense() {
    return layout == Layout.NHWC && pitch == shape.c();
  }
}
