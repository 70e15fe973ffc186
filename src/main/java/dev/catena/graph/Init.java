package dev.catena.graph;

/**
 * The initial values of a parameter without given weights. Drawn from a seed and the parameter's
 * name.
 */
public sealed interface Init {
  /** All elements {@code value}. */
  record Constant(float value) implements Init {}

  /**
   * Normal with standard deviation √(2 / fan), He et al., arXiv 1502.01852.
   *
   * @param fan inputs that reach one output: C·R·S
   */
  record HeNormal(int fan) implements Init {}

  /**
   * Uniform on ±bound.
   *
   * @param bound largest magnitude
   */
  record Uniform(float bound) implements Init {}
}
