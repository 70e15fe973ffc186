package dev.catena.cli;

import dev.catena.Policy;
import dev.catena.Schedule;
import dev.catena.Variant;
import dev.catena.graph.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values of the command line that are one of a few words, or numbers of things. */
final class Choices {
  private Choices() {}

  static DType dtype(String text) {
    return choose(text, DType.values(), Choices::label);
  }

  static Variant variant(String text) {
    return choose(text, Variant.values(), Variant::label);
  }

  static Policy policy(String text) {
    return choose(text, Policy.values(), Policy::label);
  }

  static Schedule schedule(String text) {
    try {
      return Schedule.parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }

  /** The type's name as commands and JSON have it. */
  static String label(DType dtype) {
    return dtype.toString().toLowerCase(Locale.ROOT);
  }

  private static <T> T choose(String text, T[] values, Function<T, String> label) {
    for (T value : values) {
      if (label.apply(value).equalsIgnoreCase(text)) {
        return value;
      }
    }
    List<String> labels = Arrays.stream(values).map(label).toList();
    throw new TypeConversionException(
        "there is no '%s', only %s".formatted(text, String.join(", ", labels)));
  }

  /** A whole number from 1. */
  static final class AtLeastOne implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      try {
        int value = Integer.parseInt(text);
        if (value >= 1) {
          return value;
        }
      } catch (NumberFormatException _) {
        // Said below.
      }
      throw new TypeConversionException(
          "'%s' is not a whole number from 1 to %d".formatted(text, Integer.MAX_VALUE));
    }
  }

  /** A number of fp32 in a range. */
  abstract static class InRange implements ITypeConverter<Double> {
    private final double least;
    private final double most;
    private final String range;

    InRange(double least, double most, String range) {
      this.least = least;
      this.most = most;
      this.range = range;
    }

    @Override
    public Double convert(String text) {
      try {
        double value = Double.parseDouble(text);
        if (value >= least && value <= most) {
          return value;
        }
      } catch (NumberFormatException _) {
        // Said below.
      }
      throw new TypeConversionException("'%s' is not a number %s".formatted(text, range));
    }
  }

  /** A number above 0. */
  static final class Positive extends InRange {
    Positive() {
      super(Float.MIN_VALUE, Float.MAX_VALUE, "above 0");
    }
  }

  /** A number from 0. */
  static final class NotNegative extends InRange {
    NotNegative() {
      super(0, Float.MAX_VALUE, "from 0");
    }
  }

  /** A number from 0 to below 1. */
  static final class Share extends InRange {
    Share() {
      super(0, Math.nextDown(1f), "from 0 to below 1");
    }
  }

  /** A whole number from 0. */
  static final class Count implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      return text.equals("0") ? 0 : new AtLeastOne().convert(text);
    }
  }
}
