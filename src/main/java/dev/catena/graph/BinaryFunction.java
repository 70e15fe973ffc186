package dev.catena.graph;

/** Functions of two numbers, in fp64. The order is that of {@code kernels/binary.cu}. */
public enum BinaryFunction {
  MUL,
  SUM,
  SUB,
  DIV,
  /** The larger; NaN wins. */
  MAX,
  /** The smaller; NaN wins. */
  MIN,
  POW,
  /** a if it is positive, else b·a: He et al., arXiv 1502.01852. */
  PRELU;

  /** The function's value. */
  double apply(double a, double b) {
    return switch (this) {
      case MUL -> a * b;
      case SUM -> a + b;
      case SUB -> a - b;
      case DIV -> a / b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case POW -> Math.pow(a, b);
      case PRELU -> a > 0 ? a : b * a;
    };
  }

  /** Whether both orders of the arguments give the same. */
  public boolean commutes() {
    return switch (this) {
      case MUL, SUM, MAX, MIN -> true;
      case SUB, DIV, POW, PRELU -> false;
    };
  }
}
