package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Copies that are done when the call returns, on a stream of their own; memory of the Java heap,
 * which a driver must not see, goes through a native buffer.
 */
final class Transfers {
  private static final long STAGE_BYTES = 4L << 20;

  private final Context context;
  private final long stream;

  Transfers(Context context, long stream) {
    this.context = context;
    this.stream = stream;
  }

  /** The stream that allocations and synchronous copies are ordered on. */
  long stream() {
    return stream;
  }

  /** Copies {@code source} to {@code target}. */
  void upload(long target, MemorySegment source) {
    upload(context, stream, target, source);
  }

  /** Copies from {@code source} to all of {@code target}. */
  void download(MemorySegment target, long source) {
    download(context, stream, target, source);
  }

  static void upload(Context context, long stream, long target, MemorySegment source) {
    if (source.isNative()) {
      toDevice(context, stream, target, source);
      synchronize(context, stream);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stage = stage(arena, source.byteSize());
      for (long done = 0; done < source.byteSize(); done += stage.byteSize()) {
        long bytes = Math.min(stage.byteSize(), source.byteSize() - done);
        MemorySegment.copy(source, done, stage, 0, bytes);
        toDevice(context, stream, target + done, stage.asSlice(0, bytes));
        synchronize(context, stream);
      }
    }
  }

  static void download(Context context, long stream, MemorySegment target, long source) {
    requireWritable(target);
    if (target.isNative()) {
      toHost(context, stream, target, source);
      synchronize(context, stream);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stage = stage(arena, target.byteSize());
      for (long done = 0; done < target.byteSize(); done += stage.byteSize()) {
        long bytes = Math.min(stage.byteSize(), target.byteSize() - done);
        toHost(context, stream, stage.asSlice(0, bytes), source + done);
        synchronize(context, stream);
        MemorySegment.copy(stage, 0, target, done, bytes);
      }
    }
  }

  /** Allocates nothing on the Java heap, as every step of a session's run: hence no lambda. */
  static void toDevice(Context context, long stream, long target, MemorySegment source) {
    toDevice(context, stream, target, source, source.byteSize());
  }

  /** The first bytes of {@code source}. */
  static void toDevice(
      Context context, long stream, long target, MemorySegment source, long bytes) {
    if (bytes == 0) {
      return;
    }
    try {
      context.check("cuCtxSetCurrent", context.makeCurrent());
      int code =
          (int) context.cu().cuMemcpyHtoDAsync_v2().invokeExact(target, source, bytes, stream);
      context.check("cuMemcpyHtoDAsync_v2", code);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** Allocates nothing on the Java heap. */
  static void toHost(Context context, long stream, MemorySegment target, long source) {
    toHost(context, stream, target, source, target.byteSize());
  }

  /** The first bytes of {@code target}. */
  static void toHost(Context context, long stream, MemorySegment target, long source, long bytes) {
    requireWritable(target);
    if (bytes == 0) {
      return;
    }
    try {
      context.check("cuCtxSetCurrent", context.makeCurrent());
      int code =
          (int) context.cu().cuMemcpyDtoHAsync_v2().invokeExact(target, source, bytes, stream);
      context.check("cuMemcpyDtoHAsync_v2", code);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** Allocates nothing on the Java heap. */
  static void within(Context context, long stream, long target, long source, long bytes) {
    try {
      context.check("cuCtxSetCurrent", context.makeCurrent());
      int code =
          (int) context.cu().cuMemcpyDtoDAsync_v2().invokeExact(target, source, bytes, stream);
      context.check("cuMemcpyDtoDAsync_v2", code);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** Allocates nothing on the Java heap. */
  static void synchronize(Context context, long stream) {
    try {
      context.check("cuCtxSetCurrent", context.makeCurrent());
      int code = (int) context.cu().cuStreamSynchronize().invokeExact(stream);
      context.check("cuStreamSynchronize", code);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  private static void requireWritable(MemorySegment target) {
    if (target.isReadOnly()) {
      throw new IllegalArgumentException("the target segment is read-only");
    }
  }

  private static MemorySegment stage(Arena arena, long bytes) {
    return arena.allocate(
        Math.clamp(bytes, 1, STAGE_BYTES), Math.max(64, JAVA_BYTE.byteAlignment()));
  }
}
