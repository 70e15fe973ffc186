package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.cli.Samples;
import dev.catena.collective.Collective;
import dev.catena.collective.LocalCollective;
import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.RankFailedException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.DataSets;
import dev.catena.model.DenseNet;
import dev.catena.network.GoldenWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks of one process against one rank that has the whole batch. */
@Timeout(240)
@Tag("slow")
class DataParallelTest {
  private static final int BATCH = 8;
  private static final int SIZE = 8;
  private static final int IMAGE = 3 * SIZE * SIZE;
  private static final int STEPS = 3;

  /**
   * Of the largest change of a parameter in its tensor. A gradient is a sum of at most 8·8·8 = 2^9
   * products a filter; in another order its rounding differs by at most 2^9·2^-24 of the sum of
   * their magnitudes, and three steps and normalisations multiply that.
   */
  private static final double BOUND = 0x1p-13;

  private static final DenseNet DENSE =
      new DenseNet("tiny", List.of(2, 2), 4, 8, true, 0.5, false, 0);

  @TempDir private Path folder;

  private static Graph plain(int batch, DType dtype) {
    GraphBuilder b = new GraphBuilder("plain", dtype);
    Value x = b.relu("relu0", b.biasedConv("conv0", b.input(batch, 3, SIZE, SIZE), 16, 3, 1, 1));
    x = b.maxPool("pool0", x, 2, 2, 0);
    x = b.relu("relu1", b.biasedConv("conv1", x, 32, 3, 1, 1));
    x = b.linear("fc", b.globalAveragePool("pool1", x), TinyTraining.CLASSES);
    return b.build(x);
  }

  private static final GraphSource PLAIN = (batch, _, _, dtype) -> plain(batch, dtype);
  private static final GraphSource NORMALISED =
      (batch, _, _, dtype) -> DENSE.graph(batch, SIZE, SIZE, dtype);

  private record Trained(Map<String, float[]> parameters, float loss, float norm) {}

  private static Trainer trainer(
      Device device, GraphSource source, Training options, Collective ranks) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    // Ranks begin with weights of their own: those of rank 0 count.
    return Trainer.compile(
        source,
        node -> {
          float[] weights = GoldenWeights.tensor(node.name(), node.output().shape());
          weights[0] += ranks.rank();
          return weights;
        },
        options,
        engines,
        device,
        ranks);
  }

  /** Some steps on {@code size} ranks; what rank 0 has, which is what all have. */
  private static Trained train(int size, GraphSource source, Training options) throws IOException {
    Map<Integer, Trained> trained = new ConcurrentHashMap<>();
    LocalCollective.run(
        size,
        ranks -> {
          try (Device device = Device.open("host");
              Trainer trainer = trainer(device, source, options, ranks)) {
            StepResult result = null;
            for (int step = 0; step < STEPS; step++) {
              int first = trainer.ranks().first(ranks.rank());
              int end = first + trainer.ranks().images();
              float[] images = Arrays.copyOfRange(images(step), first * IMAGE, end * IMAGE);
              int[] labels = new int[end - first];
              Arrays.setAll(labels, i -> (3 * (first + i)) % TinyTraining.CLASSES);
              result = trainer.step(images, labels, 0.1f);
            }
            trained.put(
                ranks.rank(),
                new Trained(trainer.parameters(), result.loss(), result.gradientNorm()));
          }
        });
    Trained first = trained.get(0);
    trained.forEach(
        (rank, other) ->
            other.parameters.forEach(
                (name, values) -> {
                  if (!name.contains("running") || options.synchronised()) {
                    assertArrayEquals(first.parameters.get(name), values, rank + " " + name);
                  }
                }));
    return first;
  }

  private static float[] images(int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] images = new float[BATCH * IMAGE];
    for (int i = 0; i < images.length; i++) {
      images[i] = (float) random.nextGaussian();
    }
    return images;
  }

  private static void assertSameUpdate(Trained one, Trained many) {
    assertEquals(one.loss, many.loss, 1e-5 * one.loss);
    assertEquals(one.norm, many.norm, 1e-4 * one.norm);
    one.parameters.forEach(
        (name, values) -> {
          float[] others = many.parameters.get(name);
          double change = 0;
          double difference = 0;
          float[] before = before(name, values.length);
          for (int i = 0; i < values.length; i++) {
            change = Math.max(change, Math.abs(values[i] - before[i]));
            difference = Math.max(difference, Math.abs(values[i] - others[i]));
          }
          assertTrue(
              difference <= BOUND * change, "%s: %s of %s".formatted(name, difference, change));
        });
  }

  private static float[] before(String name, int length) {
    for (GraphSource source : List.of(PLAIN, NORMALISED)) {
      for (var node : source.graph(1, SIZE, SIZE, DType.FP32).parameters()) {
        if (node.name().equals(name) && node.output().shape().elements() == length) {
          return GoldenWeights.tensor(name, node.output().shape());
        }
      }
    }
    throw new AssertionError(name);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void ranksMakeTheUpdateOfOne(int size) throws IOException {
    Training options = Training.batch(BATCH).weightDecay(1e-4f).nesterov(true);
    Trained one = train(1, PLAIN, options);
    Trained many = train(size, PLAIN, options);
    assertSameUpdate(one, many);
    Trained again = train(size, PLAIN, options);
    many.parameters.forEach((name, v) -> assertArrayEquals(v, again.parameters.get(name), name));
  }

  @ParameterizedTest
  @EnumSource
  void synchronisedStatisticsMakeTheUpdateOfOne(Policy policy) throws IOException {
    Training options = Training.batch(BATCH).policy(policy).synchronised(true);
    Trained one = train(1, NORMALISED, options);
    for (int size : policy == Policy.FUSED ? new int[] {2, 4} : new int[] {3}) {
      assertSameUpdate(one, train(size, NORMALISED, options));
    }
    if (policy == Policy.FUSED) {
      Trained apart = train(2, NORMALISED, Training.batch(BATCH));
      assertThrows(AssertionError.class, () -> assertSameUpdate(one, apart));
    }
  }

  @Test
  void allRanksLowerTheLossScaleTogether() throws IOException {
    LocalCollective.run(
        2,
        ranks -> {
          try (Device device = Device.open("host");
              Trainer trainer =
                  trainer(device, PLAIN, Training.batch(BATCH).dtype(DType.FP16), ranks)) {
            float[] images = new float[BATCH / 2 * IMAGE];
            images[0] = ranks.rank() == 1 ? Float.POSITIVE_INFINITY : 1;
            float scale = trainer.lossScale();
            StepResult result = trainer.step(images, new int[BATCH / 2], 0.1f);
            assertEquals(false, result.applied());
            assertEquals(scale / 2, result.lossScale());
          }
        });
  }

  @Test
  void aRankThatFailsEndsTheOthers() {
    IOException failed =
        assertThrows(
            IOException.class,
            () ->
                LocalCollective.run(
                    3,
                    ranks -> {
                      if (ranks.rank() == 1) {
                        throw new IOException("no disk");
                      }
                      RankFailedException e =
                          assertThrows(RankFailedException.class, ranks::barrier);
                      assertEquals("rank 1 failed: no disk", e.getMessage());
                    }));
    assertEquals("no disk", failed.getMessage());
  }

  @Test
  void anotherSeedOnARankIsNamed() {
    RankFailedException e =
        assertThrows(
            RankFailedException.class,
            () ->
                LocalCollective.run(
                    2,
                    ranks -> {
                      try (Device device = Device.open("host")) {
                        Training options = Training.batch(BATCH).seed(ranks.rank());
                        trainer(device, PLAIN, options, ranks).close();
                      }
                    }));
    assertEquals(
        "rank 1 differs from rank 0 in its seed; start every rank with the same command and data",
        e.getMessage());
  }

  @Test
  void aRunGoesOnWithAnotherNumberOfRanks() throws IOException {
    Samples.cifar10(folder, 2);
    Path half = folder.resolve("half.safetensors");
    Path rest = folder.resolve("rest.safetensors");
    fit(2, Fit.steps(1).save(half), null);
    fit(1, Fit.steps(2).save(rest), half);
    Path whole = folder.resolve("whole.safetensors");
    fit(2, Fit.steps(2).save(whole), null);
    fit(2, Fit.steps(2).save(rest), half);
    Samples.assertSame(whole, rest);
  }

  private void fit(int size, Fit how, Path resumed) throws IOException {
    LocalCollective.run(
        size,
        ranks -> {
          try (Device device = Device.open("host");
              DataSet data = DataSets.cifar10(folder);
              Model model = Models.get(Fixture.NAME).initialise(1);
              Trainer trainer = model.train(device, Training.batch(4), ranks)) {
            if (resumed != null) {
              trainer.resume(resumed);
            }
            List<Fit.Epoch> epochs = trainer.fit(data, how);
            assertEquals(ranks.rank() == 0, epochs.getLast().test().isPresent());
          }
        });
  }
}
