package dev.catena;

import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.model.DenseNet;
import dev.catena.network.GoldenWeights;
import dev.catena.rewrite.FuseStatistics;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A DenseNet with all that training has, small enough for fp64: two blocks of two layers. */
final class TinyTraining {
  static final int BATCH = 4;
  static final int CLASSES = 10;

  private static final int SIZE = 8;
  private static final DenseNet NETWORK =
      new DenseNet("tiny", List.of(2, 2), 4, 8, true, 0.5, false, 0.2f);

  static final GraphSource SOURCE = (batch, _, _, dtype) -> NETWORK.graph(batch, SIZE, SIZE, dtype);

  private TinyTraining() {}

  static Training options() {
    return Training.batch(BATCH).momentum(0.9f).smoothing(0.1f).seed(77L << 30);
  }

  static Trainer trainer(Device device, Training options) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    return Trainer.compile(
        SOURCE,
        node -> GoldenWeights.tensor(node.name(), node.output().shape()),
        options,
        engines,
        device);
  }

  /** One whose convolutions leave the statistics of what they make, as a GPU may want it. */
  static Trainer trainerWithStatistics(Device device, Training options) {
    return Trainer.compile(
        SOURCE,
        node -> GoldenWeights.tensor(node.name(), node.output().shape()),
        options,
        EngineRegistry.on(device, options.engine(), options.tuning()),
        device,
        new FuseStatistics((_, _) -> true));
  }

  static MemorySegment images(int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] images = new float[BATCH * 3 * SIZE * SIZE];
    for (int i = 0; i < images.length; i++) {
      images[i] = (float) random.nextGaussian();
    }
    return MemorySegment.ofArray(images);
  }

  static int[] labels(int seed) {
    int[] labels = new int[BATCH];
    for (int i = 0; i < BATCH; i++) {
      labels[i] = (3 * i + seed) % CLASSES;
    }
    return labels;
  }

  /** The first step on batch 0 in fp64. */
  static Interpreter reference(Graph step, Training options) {
    Map<String, double[]> inputs = new HashMap<>();
    inputs.put(step.inputs().getFirst().name(), wide(images(0)));
    inputs.put("labels", Arrays.stream(labels(0)).asDoubleStream().toArray());
    inputs.put("loss.gradient", new double[] {1});
    long seed = options.seed();
    inputs.put("random", new double[] {seed & 0xffffff, seed >>> 24, 0, 0});
    return Interpreter.run(
        step, inputs, p -> wide(GoldenWeights.tensor(p.name(), p.output().shape())));
  }

  private static double[] wide(MemorySegment floats) {
    return wide((float[]) floats.heapBase().orElseThrow());
  }

  private static double[] wide(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }
}
