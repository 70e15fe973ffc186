package dev.catena.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers that come with Random123, the authors' library. */
  @Test
  void givesTheAuthorsWords() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        Philox.words(new int[2], new int[4]));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        Philox.words(new int[] {-1, -1}, new int[] {-1, -1, -1, -1}));
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        Philox.words(
            new int[] {0xa4093822, 0x299f31d0},
            new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}));
  }

  @Test
  void masksKeepTheirShareAndDifferBySeedStepAndStream() {
    Set<Long> masks = new HashSet<>();
    for (long seed : new long[] {0, 1, 1L << 40}) {
      for (long step : new long[] {0, 1, 1L << 40}) {
        masks.add(mask(0, seed, step));
        masks.add(mask(1, seed, step));
      }
    }
    assertEquals(18, masks.size());
    long kept = LongStream.range(0, 100_000).filter(i -> Philox.keeps(0.2f, 0, 7, 3, i)).count();
    assertTrue(Math.abs(kept - 80_000) < 500, "kept " + kept);
  }

  private static long mask(int stream, long seed, long step) {
    return LongStream.range(0, 64)
        .filter(i -> Philox.keeps(0.2f, stream, seed, step, i))
        .reduce(0, (bits, i) -> bits | 1L << i);
  }
}
