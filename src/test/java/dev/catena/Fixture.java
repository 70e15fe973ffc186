package dev.catena;

import dev.catena.network.GoldenWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A small network with weights that mean nothing, and images for it. */
final class Fixture {
  static final String NAME = "densenet-bc-40-12";
  static final int SIZE = 32;
  static final int CLASSES = 10;

  private Fixture() {}

  static Model model() {
    return Models.get(NAME).with(node -> GoldenWeights.tensor(node.name(), node.output().shape()));
  }

  static MemorySegment images(Arena arena, int count) {
    float[] images = GoldenWeights.images(count, SIZE, SIZE);
    return arena.allocateFrom(ValueLayout.JAVA_FLOAT, images);
  }

  static MemorySegment logits(Arena arena, int count) {
    return arena.allocate((long) count * CLASSES * Float.BYTES, 64);
  }

  static float[] run(Session session, Arena arena, int count) {
    MemorySegment logits = logits(arena, count);
    session.run(images(arena, count), logits);
    return logits.toArray(ValueLayout.JAVA_FLOAT);
  }
}
