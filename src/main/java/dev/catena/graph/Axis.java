package dev.catena.graph;

/**
 * The extents that {@link Signature}s name, after the letters of the literature on convolutions.
 * One that no input gives is an option of a problem's line.
 */
public enum Axis implements Extent {
  /** Images. */
  N(""),
  /** Rows of the input. */
  H(""),
  /** Columns of the input. */
  W(""),
  /** Channels of the input. */
  C(""),
  /** Channels of a bottleneck. */
  M("bottleneck"),
  /** Channels of the output. */
  K("k"),
  /** Input channels of one group. */
  G(""),
  /** Channels of a shortcut's input; those of the sum unless the line says so. */
  D("from"),
  /** Rows of the output or, of a shortcut, of its input. */
  P("out"),
  /** Columns of the same. */
  Q("out"),
  /** Features of a flattened image. */
  F("");

  private final String option;

  Axis(String option) {
    this.option = option;
  }

  /** Its option in a line; empty if it follows from the line's shape. */
  public String option() {
    return option;
  }
}
