package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Role;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The inputs of a case, from its seed. Activations and filters are rounded to the element type, so
 * that every engine starts from the numbers of the reference.
 */
final class Numbers {
  private static final double[] SPECIALS = {
    Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN, 0.0, -0.0, 70000.0, 1e-7, -3e-8
  };

  /** Of {@link Data#OFFSET}. */
  private static final double OFFSET = 1000;

  /** Half of TF32's last bit of one, and three quarters: cutting off or a tie to even is wrong. */
  private static final double TIE = 0x1p-11;

  private static final double NO_TIE = 0x1.8p-11;

  /** Of a half of a seed. */
  private static final int RANDOM_BITS = 24;

  private final Case one;
  private final SplittableRandom random;

  private Numbers(Case one) {
    this.one = one;
    this.random = new SplittableRandom(one.seed());
  }

  /** One array for each input: activations dense N,H,W,C, constants in the checkpoint's order. */
  static List<double[]> of(Case one) {
    Numbers numbers = new Numbers(one);
    List<double[]> inputs = new ArrayList<>();
    for (int i = 0; i < one.problem().inputs().size(); i++) {
      inputs.add(numbers.input(i));
    }
    return inputs;
  }

  private double[] input(int index) {
    Problem problem = one.problem();
    Operand operand = problem.input(index);
    Role role = problem.op().signature().input(index).role();
    double[] values = new double[Math.toIntExact(operand.shape().elements())];
    DType rounded =
        operand.layout() == Layout.PARAMETER && role == Role.FILTERS
            ? problem.input(0).dtype()
            : role == Role.OPERAND ? problem.output().dtype() : operand.dtype();
    for (int i = 0; i < values.length; i++) {
      values[i] = rounded.round((float) value(role, operand.shape(), i));
    }
    return values;
  }

  private double value(Role role, Shape shape, int index) {
    return switch (role) {
      case ACTIVATION, OPERAND, ADDEND, IMAGES, BATCH, SUMS, CONSTANT ->
          activation() * excess(TIE, index % shape.dim(shape.rank() - 1), 0);
      case FILTERS -> filter(shape, index) * excess(NO_TIE, summed(shape, index), 1);
      case SCALE -> scale();
      case SHIFT -> addend(true);
      case BIAS -> addend(false);
      case STATISTICS -> index < shape.c() ? addend(false) : scale();
      case LABELS -> label();
      case RANDOM -> random.nextInt(1 << RANDOM_BITS);
    };
  }

  /** A factor with bits below TF32's tenth, for channels of one parity. */
  private double excess(double below, int channel, int parity) {
    return one.data() == Data.ROUNDED && channel % 2 == parity ? 1 + below : 1;
  }

  /** The channel of K,C,R,S that meets one of the input. */
  private int summed(Shape filters, int index) {
    int each = (int) (filters.elements() / filters.dim(0));
    return one.problem().op() instanceof TrainingOp.ConvDgrad
        ? index / each
        : index % each / (each / filters.dim(1));
  }

  /** A class; among special numbers also what is none. */
  private double label() {
    int classes = one.problem().input(0).shape().c();
    if (one.data() == Data.SPECIAL && random.nextInt(4) == 0) {
      double[] none = {-1, classes, classes - 0.5, 1e30, Double.NaN, Double.NEGATIVE_INFINITY};
      return none[random.nextInt(none.length)];
    }
    return random.nextInt(classes);
  }

  private double activation() {
    if (one.data() == Data.SPECIAL && random.nextInt(4) == 0) {
      return SPECIALS[random.nextInt(SPECIALS.length)];
    }
    double centre = one.data() == Data.OFFSET ? OFFSET : 0;
    return centre + (one.data().exact() ? random.nextInt(-3, 4) : random.nextDouble(-2, 2));
  }

  /** Reals: sums have about the size of what is summed. Integers of a bottleneck stay below 128. */
  private double filter(Shape shape, int index) {
    int fanIn = (int) (shape.elements() / shape.dim(0));
    if (!one.data().exact()) {
      return random.nextDouble(-1, 1) * Math.sqrt(3.0 / fanIn);
    }
    if (one.problem().op() instanceof Op.DenseLayer && shape.dim(2) == 1) {
      return index % fanIn % Math.max(1, fanIn / 8) == 0 ? random.nextInt(-1, 2) : 0;
    }
    return random.nextInt(-2, 3);
  }

  private double scale() {
    return one.data().exact()
        ? Math.scalb(1.0, random.nextInt(-1, 2))
        : random.nextDouble(0.5, 1.5);
  }

  private double addend(boolean shift) {
    return switch (one.data()) {
      case EXACT, ROUNDED -> random.nextInt(-1, 5);
      case SHIFTED -> shift ? random.nextInt(50, 100) : random.nextInt(-1, 5);
      case REAL, SPECIAL, OFFSET -> random.nextDouble(-0.5, 0.5);
    };
  }
}
