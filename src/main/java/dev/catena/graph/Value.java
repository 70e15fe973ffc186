package dev.catena.graph;

/**
 * An edge of the graph: what one node makes and others read.
 *
 * @param id unique within its graph
 * @param name for people: the producing node's name
 * @param shape N,H,W,C for an activation whatever its layout, the checkpoint's shape for a
 *     parameter
 * @param dtype the type it is stored in
 * @param layout how it lies in memory
 */
public record Value(int id, String name, Shape shape, DType dtype, Layout layout) {
  /** True if it is known before the first batch: a parameter or made of parameters alone. */
  public boolean isConstant() {
    return layout == Layout.PARAMETER;
  }

  /** For example {@code features.conv0 [1x112x112x64] FP16}. */
  @Override
  public String toString() {
    return name + " " + shape + " " + dtype;
  }
}
