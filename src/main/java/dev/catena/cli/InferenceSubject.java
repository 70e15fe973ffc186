package dev.catena.cli;

import dev.catena.Session;
import dev.catena.StepTime;
import dev.catena.WarmUp;
import dev.catena.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A session on one full batch; the logits are compared. */
final class InferenceSubject implements Subject {
  private final Session session;
  private final MemorySegment images;
  private final MemorySegment result;

  InferenceSubject(Session session, MemorySegment images, Arena arena) {
    this.session = session;
    this.images = images;
    long floats = (long) session.maxBatch() * session.resultSize();
    this.result = arena.allocate(floats * Float.BYTES, 64);
  }

  @Override
  public MemoryPlan plan() {
    return session.plan();
  }

  @Override
  public long measuredBytes() {
    return session.arenaBytes();
  }

  @Override
  public long weightBytes() {
    return session.weightBytes();
  }

  @Override
  public int launches() {
    return session.launches();
  }

  @Override
  public int batch() {
    return session.maxBatch();
  }

  @Override
  public List<String> engines() {
    return session.engines();
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
  public Map<String, Long> resident() {
    return Map.of("parameters", weightBytes());
  }

  @Override
  public List<StepTime> profile(int rounds) {
    return session.profile(images, rounds);
  }

  @Override
  public Map<String, Object> more() {
    return Map.of("warm_up", warmUp(session));
  }

  /** What it took to make a session ready. */
  static Map<String, Object> warmUp(Session session) {
    WarmUp spent = session.warmUp();
    Map<String, Object> millis = new LinkedHashMap<>();
    millis.put("total_ms", spent.total());
    millis.put("engines_ms", spent.engines());
    millis.put("capture_ms", spent.capture());
    millis.put("kernels_ms", spent.kernels());
    return millis;
  }

  @Override
  public void close() {
    session.close();
  }
}
