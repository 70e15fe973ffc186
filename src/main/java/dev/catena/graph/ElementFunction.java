package dev.catena.graph;

/**
 * Functions of one number with up to two parameters, in fp64. The order is that of {@code
 * kernels/unary.cu}.
 */
public enum ElementFunction {
  /** x if it is positive, else a·x. */
  LEAKY_RELU,
  /** x if it is positive, else a·(exp(x) − 1): Clevert et al., arXiv 1511.07289. */
  ELU,
  /** a·x + b, at least 0 and at most 1. */
  HARD_SIGMOID,
  /** x·(x/6 + 1/2), the factor at least 0 and at most 1: Howard et al., arXiv 1905.02244. */
  HARD_SWISH,
  /** x/(1 + exp(−x)): Elfwing et al., arXiv 1702.03118. */
  SILU,
  /** x·Φ(x) with the normal distribution function Φ: Hendrycks and Gimpel, arXiv 1606.08415. */
  GELU,
  /** The approximation of {@link #GELU} by a hyperbolic tangent. */
  GELU_TANH,
  TANH,
  EXP,
  SQRT,
  ABS,
  /** The error function. */
  ERF,
  LOG,
  /** 1/x. */
  RECIPROCAL,
  /** log(1 + exp(x)). */
  SOFTPLUS;

  private static final double HALF_ARGUMENT = Math.sqrt(2 / Math.PI);
  private static final double CUBE = 0.044715;

  /** The function's value. */
  double apply(double x, double a, double b) {
    return switch (this) {
      case LEAKY_RELU -> x > 0 ? x : a * x;
      case ELU -> x > 0 ? x : a * Math.expm1(x);
      case HARD_SIGMOID -> between(a * x + b);
      case HARD_SWISH -> x * between(x / 6 + 0.5);
      case SILU -> x * logistic(x);
      case GELU -> x * normal(x);
      case GELU_TANH -> x * logistic(2 * HALF_ARGUMENT * (x + CUBE * x * x * x));
      case TANH -> Math.tanh(x);
      case EXP -> Math.exp(x);
      case SQRT -> Math.sqrt(x);
      case ABS -> Math.abs(x);
      case ERF -> 2 * normal(x * Math.sqrt(2)) - 1;
      case LOG -> Math.log(x);
      case RECIPROCAL -> 1 / x;
      case SOFTPLUS -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    };
  }

  /** The function's derivative. */
  double derivative(double x, double a, double b) {
    return switch (this) {
      case LEAKY_RELU -> x > 0 ? 1 : a;
      case ELU -> x > 0 ? 1 : a * Math.exp(x);
      case HARD_SIGMOID -> a * x + b > 0 && a * x + b < 1 ? a : 0;
      case HARD_SWISH -> x < -3 ? 0 : x <= 3 ? x / 3 + 0.5 : 1;
      case SILU -> {
        double s = logistic(x);
        yield s * (1 + x * (1 - s));
      }
      case GELU -> normal(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      case GELU_TANH -> {
        double s = logistic(2 * HALF_ARGUMENT * (x + CUBE * x * x * x));
        yield s * (1 + x * (1 - s) * 2 * HALF_ARGUMENT * (1 + 3 * CUBE * x * x));
      }
      case TANH -> 1 - Math.tanh(x) * Math.tanh(x);
      case EXP -> Math.exp(x);
      case SQRT -> 0.5 / Math.sqrt(x);
      case ABS -> Math.signum(x);
      case ERF -> 2 / Math.sqrt(Math.PI) * Math.exp(-x * x);
      case LOG -> 1 / x;
      case RECIPROCAL -> -1 / (x * x);
      case SOFTPLUS -> logistic(x);
    };
  }

  private static double between(double h) {
    return h < 0 ? 0 : h > 1 ? 1 : h;
  }

  private static double logistic(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /**
   * The normal distribution function: near 0 by its power series, further out by the continued
   * fraction of its tail (Abramowitz and Stegun, 26.2.10 and 26.2.14).
   */
  private static double normal(double x) {
    if (Double.isNaN(x)) {
      return x;
    }
    double size = Math.abs(x);
    double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    if (size < 3) {
      double term = x;
      double sum = x;
      for (int n = 3; Math.abs(term) > 1e-18; n += 2) {
        term *= x * x / n;
        sum += term;
      }
      return 0.5 + density * sum;
    }
    double fraction = size;
    for (int n = 120; n > 0; n--) {
      fraction = size + n / fraction;
    }
    double tail = density / fraction;
    return x < 0 ? tail : 1 - tail;
  }
}
