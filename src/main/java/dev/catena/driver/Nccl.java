package dev.catena.driver;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * NCCL, as far as Catena uses it. Functions that return {@code int} return an {@code ncclResult_t};
 * communicators, streams and device addresses are {@code long}.
 */
public record Nccl(
    @C("ptr(int)") MethodHandle ncclGetErrorString,
    @C("int(ptr)") MethodHandle ncclGetUniqueId,
    // out communicator, ranks, id by value, rank
    @C("int(ptr, int, id, int)") MethodHandle ncclCommInitRank,
    @C("int(long)") MethodHandle ncclCommDestroy,
    @C("int(long)") MethodHandle ncclCommAbort,
    // from, to, count, type, operation, communicator, stream
    @C("int(long, long, long, int, int, long, long)") MethodHandle ncclAllReduce,
    // from, to, count, type, root, communicator, stream
    @C("int(long, long, long, int, int, long, long)") MethodHandle ncclBroadcast) {
  /** {@code NCCL_UNIQUE_ID_BYTES}: the size of the structure {@code ncclUniqueId}. */
  public static final int ID_BYTES = 128;

  /** {@code ncclFloat32}. */
  public static final int FLOAT32 = 7;

  /** {@code ncclSum}. */
  public static final int SUM = 0;

  /** The outcome of the search for the library. */
  public static NativeLibrary.Search search() {
    return NativeLibraries.find(NativeLibrary.NCCL);
  }

  /** The functions of the library; where there is none, every handle throws. */
  public static Nccl bind() {
    return Handles.bind(Nccl.class, MethodHandles.lookup(), search());
  }

  /** What the library says of a result. */
  public String explain(int result) {
    return ForeignCall.of(
        () -> {
          MemorySegment text = (MemorySegment) ncclGetErrorString.invokeExact(result);
          return text.reinterpret(Long.MAX_VALUE).getString(0);
        });
  }
}
