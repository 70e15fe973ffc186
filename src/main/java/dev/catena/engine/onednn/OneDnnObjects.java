package dev.catena.engine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.ForeignCall;
import dev.catena.driver.OneDnn;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.Deque;

/** oneDNN objects with one life: created one by one, destroyed together in reverse order. */
final class OneDnnObjects implements AutoCloseable {
  static final int UNIMPLEMENTED = 3;

  private static final int CPU = 1;
  private static final int IN_ORDER = 1;
  private static final int ANY = 1;
  private static final int RELU = 32;
  private static final int USER_SCRATCHPAD = 1;
  private static final OneDnn DNN = OneDnn.get();

  private final Deque<Object[]> live = new ArrayDeque<>();

  /** The CPU engine, one for the process. */
  static long engine() {
    return EngineHolder.ENGINE;
  }

  private static final class EngineHolder {
    static final long ENGINE =
        new OneDnnObjects()
            .create(
                "dnnl_engine_create",
                DNN.dnnl_engine_create(),
                place -> (int) DNN.dnnl_engine_create().invokeExact(place, CPU, 0L));
  }

  long stream() {
    return create(
        "dnnl_stream_create",
        DNN.dnnl_stream_destroy(),
        place -> (int) DNN.dnnl_stream_create().invokeExact(place, engine(), IN_ORDER));
  }

  /** An array of given strides in elements. */
  long strided(DType dtype, long[] extents, long[] strides) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment dims = arena.allocateFrom(JAVA_LONG, extents);
      MemorySegment steps = arena.allocateFrom(JAVA_LONG, strides);
      return create(
          "dnnl_memory_desc_create_with_strides",
          DNN.dnnl_memory_desc_destroy(),
          place ->
              (int)
                  DNN.dnnl_memory_desc_create_with_strides()
                      .invokeExact(place, extents.length, dims, code(dtype), steps));
    }
  }

  /** An array that lies as oneDNN likes it. */
  long any(DType dtype, long... extents) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment dims = arena.allocateFrom(JAVA_LONG, extents);
      return create(
          "dnnl_memory_desc_create_with_tag",
          DNN.dnnl_memory_desc_destroy(),
          place ->
              (int)
                  DNN.dnnl_memory_desc_create_with_tag()
                      .invokeExact(place, extents.length, dims, code(dtype), ANY));
    }
  }

  /** A dense array in row-major order. */
  long dense(DType dtype, long... extents) {
    long[] strides = new long[extents.length];
    long step = 1;
    for (int i = extents.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= extents[i];
    }
    return strided(dtype, extents, strides);
  }

  /** A dense batch of {@code images}, their channels side by side. */
  long nhwc(DType dtype, int images, Shape shape) {
    long c = shape.c();
    long row = shape.w() * c;
    return strided(
        dtype,
        new long[] {images, c, shape.h(), shape.w()},
        new long[] {shape.h() * row, 1, row, c});
  }

  /** A primitive that brings an array from one layout into another. */
  long reorder(long from, long to) {
    long engine = engine();
    return primitive(
        description(
            "dnnl_reorder_primitive_desc_create",
            place ->
                (int)
                    DNN.dnnl_reorder_primitive_desc_create()
                        .invokeExact(place, from, engine, to, engine, 0L)));
  }

  /** The description whose {@link #blob} that is. */
  long ofBlob(byte[] blob) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(JAVA_BYTE, blob);
      return create(
          "dnnl_memory_desc_create_with_blob",
          DNN.dnnl_memory_desc_destroy(),
          place -> (int) DNN.dnnl_memory_desc_create_with_blob().invokeExact(place, bytes));
    }
  }

  long memory(long description, long address) {
    return create(
        "dnnl_memory_create",
        DNN.dnnl_memory_destroy(),
        place -> (int) DNN.dnnl_memory_create().invokeExact(place, description, engine(), address));
  }

  /** Scratch memory from the caller, and a ReLU at the end if wanted. */
  long attributes(boolean relu) {
    long attributes =
        create(
            "dnnl_primitive_attr_create",
            DNN.dnnl_primitive_attr_destroy(),
            place -> (int) DNN.dnnl_primitive_attr_create().invokeExact(place));
    check(
        "dnnl_primitive_attr_set_scratchpad_mode",
        () ->
            (int)
                DNN.dnnl_primitive_attr_set_scratchpad_mode()
                    .invokeExact(attributes, USER_SCRATCHPAD));
    if (relu) {
      long operations =
          create(
              "dnnl_post_ops_create",
              DNN.dnnl_post_ops_destroy(),
              place -> (int) DNN.dnnl_post_ops_create().invokeExact(place));
      check(
          "dnnl_post_ops_append_eltwise",
          () -> (int) DNN.dnnl_post_ops_append_eltwise().invokeExact(operations, RELU, 0f, 0f));
      check(
          "dnnl_primitive_attr_set_post_ops",
          () -> (int) DNN.dnnl_primitive_attr_set_post_ops().invokeExact(attributes, operations));
    }
    return attributes;
  }

  /** A primitive's description, or 0 where oneDNN has no such primitive. */
  long description(String function, ForeignCall.Creation creation) {
    return create(function, DNN.dnnl_primitive_desc_destroy(), creation, true);
  }

  long primitive(long description) {
    return create(
        "dnnl_primitive_create",
        DNN.dnnl_primitive_destroy(),
        place -> (int) DNN.dnnl_primitive_create().invokeExact(place, description));
  }

  static long bytes(long description) {
    return ForeignCall.of(() -> (long) DNN.dnnl_memory_desc_get_size().invokeExact(description));
  }

  /** Everything that tells one layout from another. */
  static byte[] blob(long description) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(JAVA_LONG);
      check(
          "dnnl_memory_desc_get_blob",
          () ->
              (int)
                  DNN.dnnl_memory_desc_get_blob()
                      .invokeExact(MemorySegment.NULL, size, description));
      MemorySegment blob = arena.allocate(size.get(JAVA_LONG, 0));
      check(
          "dnnl_memory_desc_get_blob",
          () -> (int) DNN.dnnl_memory_desc_get_blob().invokeExact(blob, size, description));
      return blob.toArray(JAVA_BYTE);
    }
  }

  /** Runs work with a number of OpenMP threads for what this thread creates or executes. */
  static <T> T withThreads(int threads, ForeignCall<T> work) {
    int before = ForeignCall.of(() -> (int) DNN.omp_get_max_threads().invokeExact());
    try {
      setThreads(threads);
      return ForeignCall.of(work);
    } finally {
      setThreads(before);
    }
  }

  private static void setThreads(int threads) {
    ForeignCall.of(
        () -> {
          DNN.omp_set_num_threads().invokeExact(threads);
          return 0;
        });
  }

  static int code(DType dtype) {
    return switch (dtype) {
      case FP16 -> 1;
      case BF16 -> 2;
      case FP32 -> 3;
    };
  }

  long create(String function, MethodHandle destroy, ForeignCall.Creation creation) {
    return create(function, destroy, creation, false);
  }

  private long create(
      String function,
      MethodHandle destroy,
      ForeignCall.Creation creation,
      boolean mayBeUnimplemented) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment place = arena.allocate(ADDRESS);
      int status = ForeignCall.of(() -> creation.into(place));
      if (status == UNIMPLEMENTED && mayBeUnimplemented) {
        return 0;
      }
      require(function, status);
      long object = place.get(JAVA_LONG, 0);
      live.push(new Object[] {destroy, object});
      return object;
    }
  }

  static void check(String function, ForeignCall<Integer> call) {
    require(function, ForeignCall.of(call));
  }

  private static void require(String function, int status) {
    if (status != 0) {
      throw new IllegalStateException(function + " returned status " + status);
    }
  }

  @Override
  public void close() {
    while (!live.isEmpty()) {
      Object[] object = live.pop();
      long handle = (long) object[1];
      ForeignCall.of(() -> (int) ((MethodHandle) object[0]).invokeExact(handle));
    }
  }
}
