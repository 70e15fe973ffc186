package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A point in a stream's work, with its time. */
public final class Event implements AutoCloseable {
  private static final int NOT_READY = 600;

  private final Context context;
  private final Resource resource;

  Event(Context context, Resource resource) {
    this.context = context;
    this.resource = resource;
    resource.watch(this);
  }

  /** Waits until the work recorded before this event is done. */
  public void synchronize() {
    try (var _ = resource.use()) {
      long handle = resource.handle();
      context.callInside(
          "cuEventSynchronize", () -> (int) context.cu().cuEventSynchronize().invokeExact(handle));
    }
  }

  /** True if the work recorded before this event is done; true when nothing was recorded. */
  public boolean isDone() {
    try (var _ = resource.use()) {
      long handle = resource.handle();
      int code = context.status(() -> (int) context.cu().cuEventQuery().invokeExact(handle));
      if (code == NOT_READY) {
        return false;
      }
      context.check("cuEventQuery", code);
      return true;
    }
  }

  /** Milliseconds from {@code start} to this event; both must be done. */
  public float millisecondsSince(Event start) {
    try (var _ = resource.use();
        Arena arena = Arena.ofConfined()) {
      long handle = resource.handle();
      try (var _ = start.resource.use()) {
        long from = start.resource.handle();
        MemorySegment out = arena.allocate(JAVA_FLOAT);
        context.callInside(
            "cuEventElapsedTime",
            () -> (int) context.cu().cuEventElapsedTime().invokeExact(out, from, handle));
        return out.get(JAVA_FLOAT, 0);
      }
    }
  }

  /** Gives the event back; the second time does nothing. */
  @Override
  public void close() {
    resource.close();
  }

  /** The device's context. */
  Context context() {
    return context;
  }

  /** The life that a stream holds while it records or waits. */
  Resource resource() {
    return resource;
  }

  @Override
  public String toString() {
    return resource.toString();
  }
}
