package dev.catena.graph;

import java.util.List;

/** What the numbers of an operand mean, and so how they may lie in memory. */
public enum Role {
  ACTIVATION("an activation", Layout.NHWC),
  /** The user's side. */
  IMAGES("images", Layout.NCHW),
  /** Means, then variances: [2,1,1,C] in fp32. */
  STATISTICS("statistics", Layout.NHWC),
  /** Two sums, or two gradients, a channel: [2,1,1,C] in fp32. */
  SUMS("sums", Layout.NHWC),
  FILTERS("filters", Layout.FILTERS, Layout.PARAMETER, Layout.DENSE),
  SCALE("a scale", Layout.DENSE, Layout.PARAMETER),
  SHIFT("a shift", Layout.DENSE, Layout.PARAMETER),
  BIAS("a bias", Layout.DENSE, Layout.PARAMETER),
  /** Numbers of classes. */
  LABELS("labels", Layout.DENSE, Layout.PARAMETER),
  /** The halves of a seed and of a step. */
  RANDOM("a seed and a step", Layout.DENSE, Layout.PARAMETER),
  /** A parameter, or made of parameters alone. */
  CONSTANT("a constant", Layout.PARAMETER),
  /** An activation, or a constant of the same extents. */
  OPERAND("an activation or a constant", Layout.NHWC, Layout.PARAMETER),
  /** Whatever is computed with every batch and can be added. */
  ADDEND("a computed value", Layout.NHWC, Layout.DENSE, Layout.FILTERS),
  /** The batch, before or after its conversion. */
  BATCH("a batch", Layout.NHWC, Layout.NCHW);

  private final String text;
  private final List<Layout> layouts;

  Role(String text, Layout... layouts) {
    this.text = text;
    this.layouts = List.of(layouts);
  }

  /** The layouts that an input may have; an output has the first. */
  List<Layout> layouts() {
    return layouts;
  }

  /** Whether it is fp32 whatever the type of the activations. */
  public boolean single() {
    return this != ACTIVATION && this != OPERAND && this != ADDEND && this != BATCH;
  }

  /** For people, such as {@code a bias}. */
  @Override
  public String toString() {
    return text;
  }
}
