package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.error.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A queue of work that runs in order beside other streams.
 *
 * <p>Calls enqueue and return. The driver reports a failure of enqueued work at a later call, at
 * the latest by {@link #synchronize}.
 */
public final class Stream implements AutoCloseable {
  private static final int CAPTURE_THREAD_LOCAL = 1;
  private static final int NOT_READY = 600;

  private final Context context;
  private final Resource resource;
  private volatile boolean capturing;

  Stream(Context context, Resource resource) {
    this.context = context;
    this.resource = resource;
    resource.watch(this);
  }

  /** The driver's {@code CUstream}, for libraries that enqueue work of their own. */
  public long handle() {
    long handle = resource.enter();
    resource.exit();
    return handle;
  }

  /**
   * Copies {@code source} to device address {@code target}. A native segment must stay alive and
   * unchanged until the copy is done (synchronise, or wait for an event); a heap segment is copied
   * before the call returns, which is not possible during {@link #capture}.
   */
  public void copyToDevice(long target, MemorySegment source) {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      if (source.isNative()) {
        Transfers.toDevice(context, stream, target, source);
      } else {
        requireNoCapture();
        Transfers.upload(context, stream, target, source);
      }
    }
  }

  /**
   * Fills {@code target} from device address {@code source}. A native segment must stay alive until
   * the copy is done; a heap segment is filled before the call returns, which is not possible
   * during {@link #capture}.
   */
  public void copyToHost(MemorySegment target, long source) {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      if (target.isNative()) {
        Transfers.toHost(context, stream, target, source);
      } else {
        requireNoCapture();
        Transfers.download(context, stream, target, source);
      }
    }
  }

  /** Copies the first {@code bytes} of a native segment to the device, as {@link #copyToDevice}. */
  public void copyToDevice(long target, MemorySegment source, long bytes) {
    requireNative(source, bytes);
    try (var _ = resource.use()) {
      long stream = resource.handle();
      Transfers.toDevice(context, stream, target, source, bytes);
    }
  }

  /** Fills the first {@code bytes} of a native segment, as {@link #copyToHost}. */
  public void copyToHost(MemorySegment target, long source, long bytes) {
    requireNative(target, bytes);
    try (var _ = resource.use()) {
      long stream = resource.handle();
      Transfers.toHost(context, stream, target, source, bytes);
    }
  }

  private static void requireNative(MemorySegment segment, long bytes) {
    if (!segment.isNative() || bytes < 0 || bytes > segment.byteSize()) {
      throw new IllegalArgumentException(
          bytes + " bytes of " + segment + ": no native segment, or not so many");
    }
  }

  /** Copies {@code bytes} bytes on the device; the ranges must not overlap. */
  public void copy(long target, long source, long bytes) {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      Transfers.within(context, stream, target, source, bytes);
    }
  }

  /** Sets {@code bytes} bytes to {@code value}. */
  public void fill(long target, byte value, long bytes) {
    enqueue(
        "cuMemsetD8Async",
        stream -> (int) context.cu().cuMemsetD8Async().invokeExact(target, value, bytes, stream));
  }

  /** Sets {@code count} words of four bytes to {@code value}. */
  public void fillInts(long target, int value, long count) {
    enqueue(
        "cuMemsetD32Async",
        stream -> (int) context.cu().cuMemsetD32Async().invokeExact(target, value, count, stream));
  }

  /** Marks this point of the work. */
  public void record(Event event) {
    requireSameDevice(event);
    try (var _ = event.resource().use()) {
      long handle = event.resource().handle();
      enqueue(
          "cuEventRecord",
          stream -> (int) context.cu().cuEventRecord().invokeExact(handle, stream));
    }
  }

  /** Holds later work of this stream back until {@code event} is done. */
  public void waitFor(Event event) {
    requireSameDevice(event);
    try (var _ = event.resource().use()) {
      long handle = event.resource().handle();
      enqueue(
          "cuStreamWaitEvent",
          stream -> (int) context.cu().cuStreamWaitEvent().invokeExact(stream, handle, 0));
    }
  }

  /** Waits until all work is done; throws what went wrong in it. */
  public void synchronize() {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      Transfers.synchronize(context, stream);
    }
  }

  /** True if all work is done. */
  public boolean isIdle() {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      int code = context.status(() -> (int) context.cu().cuStreamQuery().invokeExact(stream));
      if (code == NOT_READY) {
        return false;
      }
      context.check("cuStreamQuery", code);
      return true;
    }
  }

  /**
   * Records what {@code work} enqueues on this stream, without running it.
   *
   * <p>{@code work} must neither synchronise nor copy heap segments, and only the calling thread
   * may use the stream meanwhile. Memory that it names must live as long as the graph.
   */
  public ExecutableGraph capture(Runnable work) {
    enqueue(
        "cuStreamBeginCapture_v2",
        stream ->
            (int) context.cu().cuStreamBeginCapture_v2().invokeExact(stream, CAPTURE_THREAD_LOCAL));
    capturing = true;
    try {
      work.run();
    } catch (Throwable e) {
      abandonCapture(e);
      throw e;
    } finally {
      capturing = false;
    }
    try (var _ = resource.use()) {
      long stream = resource.handle();
      long graph =
          context.longFrom(
              "cuStreamEndCapture",
              out -> (int) context.cu().cuStreamEndCapture().invokeExact(stream, out));
      return ExecutableGraph.instantiate(context, graph, stream);
    }
  }

  /** Waits for the work, then gives the stream back; the second time does nothing. */
  @Override
  public void close() {
    resource.close();
  }

  /** The device's context. */
  Context context() {
    return context;
  }

  /** The life that a launch holds while it enqueues. */
  Resource resource() {
    return resource;
  }

  private interface StreamCall {
    int invoke(long stream) throws Throwable;
  }

  private void enqueue(String function, StreamCall call) {
    try (var _ = resource.use()) {
      long stream = resource.handle();
      context.callInside(function, () -> call.invoke(stream));
    }
  }

  /** Ends a capture whose work failed; what the driver says of it adds nothing. */
  private void abandonCapture(Throwable failure) {
    try (Arena arena = Arena.ofConfined()) {
      try (var _ = resource.use()) {
        long stream = resource.handle();
        MemorySegment out = arena.allocate(JAVA_LONG);
        int code =
            context.status(() -> (int) context.cu().cuStreamEndCapture().invokeExact(stream, out));
        long graph = out.get(JAVA_LONG, 0);
        if (code == 0 && graph != 0) {
          context.status(() -> (int) context.cu().cuGraphDestroy().invokeExact(graph));
        }
      }
    } catch (DeviceException | IllegalStateException e) {
      failure.addSuppressed(e);
    }
  }

  private void requireSameDevice(Event event) {
    if (event.context() != context) {
      throw new IllegalArgumentException(event + " is not of " + context.name());
    }
  }

  private void requireNoCapture() {
    if (capturing) {
      throw new IllegalStateException(
          "a heap segment cannot be copied while "
              + resource
              + " captures: use a native segment that lives as long as the graph");
    }
  }

  @Override
  public String toString() {
    return resource.toString();
  }
}
