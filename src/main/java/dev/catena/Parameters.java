package dev.catena;

import dev.catena.error.ParameterException;
import dev.catena.graph.Init;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.CRC32;

/** A source of the values of parameters. Thread-safe. */
@FunctionalInterface
public interface Parameters {
  /**
   * The fp32 values of a parameter, in the checkpoint's order. The caller does not change them.
   * Whoever compiles a network checks that there are as many as the parameter's shape has, and
   * throws {@link ParameterException} otherwise.
   *
   * @param parameter a node whose operation is {@link Op.Parameter}
   */
  float[] values(Node parameter);

  /** Values by name, such as {@link Trainer#parameters} gives. */
  static Parameters of(Map<String, float[]> values) {
    return parameter -> values.get(parameter.name());
  }

  /**
   * Values as a network starts training with them. Equal seeds give equal bits, tensor by tensor,
   * whatever else the network has.
   */
  static Parameters initial(long seed) {
    return parameter -> {
      Init init = ((Op.Parameter) parameter.op()).init();
      Shape shape = parameter.output().shape();
      float[] values = new float[Math.toIntExact(shape.elements())];
      CRC32 name = new CRC32();
      name.update(parameter.name().getBytes(StandardCharsets.UTF_8));
      SplittableRandom random = new SplittableRandom(seed << 32 ^ name.getValue());
      switch (init) {
        case Init.Constant c -> Arrays.fill(values, c.value());
        case Init.HeNormal he -> {
          double deviation = StrictMath.sqrt(2.0 / he.fan());
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * gaussian(random));
          }
        }
        case Init.Uniform u -> {
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) (u.bound() * (2 * random.nextDouble() - 1));
          }
        }
      }
      return values;
    };
  }

  /** Box and Muller's transform; strict, so that every machine draws the same. */
  private static double gaussian(SplittableRandom random) {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
    return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
  }
}
