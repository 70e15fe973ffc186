package dev.catena.cli;

import dev.catena.Session;
import dev.catena.StepTime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A session on one full batch in host memory; a comparison compares the logits. */
final class ComparedInference implements ComparedRun {
  private final Session session;
  private final MemorySegment images;
  private final MemorySegment result;

  ComparedInference(Session session, MemorySegment images, Arena arena) {
    this.session = session;
    this.images = images;
    long floats = (long) session.maxBatch() * session.resultSize();
    this.result = arena.allocate(floats * Float.BYTES, 64);
  }

  /** On random images, for a measurement. */
  static ComparedInference onRandomImages(Session session, Arena arena) {
    long pixels = (long) session.maxBatch() * session.imageSize();
    return new ComparedInference(session, ComparedRun.images(pixels, 0, arena), arena);
  }

  @Override
  public Compiled compiled() {
    return new Compiled(
        session.plan(),
        session.arenaBytes(),
        session.weightBytes(),
        session.launches(),
        session.maxBatch(),
        session.engines(),
        Map.of("parameters", session.weightBytes()),
        Optional.of(session.warmUp()));
  }

  @Override
  public void run() {
    session.run(images, result);
  }

  @Override
  public float[] result() {
    return result.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Override
  public Optional<String> firstNonFinite() {
    return session.firstNonFinite(images);
  }

  @Override
  public List<StepTime> profile(int rounds) {
    return session.profile(images, rounds);
  }

  @Override
  public void close() {
    session.close();
  }
}
