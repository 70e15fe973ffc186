package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.FormatException;
import dev.catena.graph.Shape;
import dev.catena.io.datasets.ImageSet;
import dev.catena.io.datasets.Normalization;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
  /** Written down, so that another machine or release that orders otherwise is found. */
  @Test
  void isTheSameEverywhere() {
    Sampler order = Sampler.training(10, 4, true, 7);
    assertEquals("[0, 6, 4, 2, 5, 8, 7, 1, 3, 9]", Arrays.toString(order.epoch(0)));
    assertEquals("[9, 8, 7, 5, 2, 1, 6, 0, 3, 4]", Arrays.toString(order.epoch(1)));
  }

  @Test
  void hasEveryImageOnce() {
    for (int images : new int[] {1, 2, 3, 64, 1001}) {
      int[] sorted = Sampler.training(images, 1, true, 3).epoch(5);
      Arrays.sort(sorted);
      assertArrayEquals(IntStream.range(0, images).toArray(), sorted);
    }
  }

  /** Each of five images comes to each place a fifth of the time: chi squared of 16 degrees. */
  @Test
  void isFair() {
    int[][] count = new int[5][5];
    int epochs = 10_000;
    for (int epoch = 0; epoch < epochs; epoch++) {
      int[] order = Sampler.training(5, 1, true, 11).epoch(epoch);
      for (int i = 0; i < 5; i++) {
        count[i][order[i]]++;
      }
    }
    double chi = 0;
    for (int[] row : count) {
      for (int n : row) {
        chi += Math.pow(n - epochs / 5.0, 2) / (epochs / 5.0);
      }
    }
    assertTrue(chi < 39.3, "chi squared " + chi); // 0.1 %
  }

  @Test
  void dependsOnSeedAndEpoch() {
    int[] one = Sampler.training(100, 10, true, 1).epoch(0);
    assertFalse(Arrays.equals(one, Sampler.training(100, 10, true, 2).epoch(0)));
    assertFalse(Arrays.equals(one, Sampler.training(100, 10, true, 1L << 32 | 1).epoch(0)));
    assertFalse(Arrays.equals(one, Sampler.training(100, 10, true, 1).epoch(1)));
    assertArrayEquals(IntStream.range(0, 5).toArray(), Sampler.training(5, 5, false, 1).epoch(3));
  }

  @Test
  void refusesWhatMakesNoBatch() {
    var error = assertThrows(IllegalArgumentException.class, () -> Sampler.training(3, 4, true, 0));
    assertEquals("3 images make no batch of 4; take a smaller batch", error.getMessage());
    assertEquals(1, Sampler.once(3, 4).steps());
  }

  @Test
  void loadsWhereAnotherRunStopped() throws IOException {
    Sampler order = Sampler.training(7, 3, true, 5);
    float[][] seen = new float[6][];
    try (BatchLoader loader = new BatchLoader(new Numbers(7, -1), order, 0, Optional.empty())) {
      for (int step = 0; step < seen.length; step++) {
        Batch batch = loader.next();
        assertEquals(step, batch.step());
        assertEquals(3, batch.count());
        float[] numbers = batch.images().toArray(ValueLayout.JAVA_FLOAT);
        seen[step] = numbers;
        assertArrayEquals(
            batch.labels(), IntStream.range(0, 3).map(i -> (int) numbers[i]).toArray());
        int[] epoch = order.epoch(step / 2);
        for (int i = 0; i < 3; i++) {
          assertEquals(epoch[step % 2 * 3 + i], seen[step][i]);
        }
      }
    }
    try (BatchLoader loader = new BatchLoader(new Numbers(7, -1), order, 3, Optional.empty())) {
      for (int step = 3; step < seen.length; step++) {
        assertArrayEquals(seen[step], loader.next().images().toArray(ValueLayout.JAVA_FLOAT));
      }
    }
  }

  @Test
  void loadsTheRestNormalised() throws IOException {
    Normalization half = new Normalization(List.of(1f), List.of(0.5f));
    try (BatchLoader loader =
        new BatchLoader(new Numbers(5, -1), Sampler.once(5, 3), 0, Optional.of(half))) {
      float[] first = loader.next().images().toArray(ValueLayout.JAVA_FLOAT);
      assertArrayEquals(new float[] {-0.5f, 0, 0.5f}, first);
      assertEquals(2, loader.next().count());
    }
  }

  @Test
  void handsErrorsToWhoTakesTheBatch() throws IOException {
    Sampler order = Sampler.training(9, 2, false, 0);
    try (BatchLoader loader = new BatchLoader(new Numbers(9, 3), order, 0, Optional.empty())) {
      loader.next();
      for (int again = 0; again < 2; again++) {
        var error = assertThrows(FormatException.class, loader::next);
        assertTrue(error.getMessage().contains("three"), error.getMessage());
      }
    }
  }

  /** Images of one pixel whose value and label are their number; one may be broken. */
  private record Numbers(int size, int broken) implements ImageSet {
    @Override
    public Shape image() {
      return Shape.nhwc(1, 1, 1, 1);
    }

    @Override
    public int label(int index) {
      return index;
    }

    @Override
    public void copy(int index, MemorySegment to) {
      if (index == broken) {
        throw new FormatException(Path.of("three"), "", "is broken", "");
      }
      to.set(ValueLayout.JAVA_FLOAT, 0, index);
    }
  }
}
