package dev.catena.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.ForeignCall;
import dev.catena.driver.OneDnn;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A convolution or product as oneDNN describes it, for some images of the batch: what it needs, how
 * it wants its weights.
 */
final class OneDnnPlan implements AutoCloseable {
  static final int SOURCE = 1;
  static final int TARGET = 17;
  static final int WEIGHTS = 33;
  static final int BIAS = 41;
  static final int SCRATCHPAD = 80;

  private static final int INFERENCE = 96;
  private static final int DIRECT = 1;
  private static final int QUERY_WEIGHTS = 131;
  static final int QUERY_SCRATCHPAD = 136;
  private static final OneDnn DNN = OneDnn.get();

  private final OneDnnObjects objects = new OneDnnObjects();
  private final DType dtype;
  private final long[] filters;
  private final long source;
  private final long target;
  private final long bias;
  private final long description;

  /**
   * Describes a problem.
   *
   * @param images of the batch, as one call has them
   */
  OneDnnPlan(Problem problem, int images) {
    Shape x = problem.input(0).shape();
    Shape y = problem.output().shape();
    dtype = problem.output().dtype();
    switch (problem.op()) {
      case Op.Conv conv -> {
        long[] grouped = {
          conv.groups(),
          y.c() / conv.groups(),
          x.c() / conv.groups(),
          conv.kernelH(),
          conv.kernelW()
        };
        filters = conv.groups() == 1 ? tail(grouped) : grouped;
        source = objects.nhwc(dtype, images, x);
        target = objects.nhwc(dtype, images, y);
        bias = conv.bias() ? objects.dense(DType.FP32, y.c()) : 0;
        description = convolution(conv);
      }
      case Op.Linear _ -> {
        filters = new long[] {x.c(), y.c()};
        source = matrix(problem.input(0), images);
        target = matrix(problem.output(), images);
        bias = objects.dense(DType.FP32, 1, y.c());
        description = product();
      }
      default -> throw new IllegalArgumentException("not oneDNN's: " + problem.op());
    }
  }

  private static long[] tail(long[] values) {
    return java.util.Arrays.copyOfRange(values, 1, values.length);
  }

  private long matrix(Operand operand, int images) {
    return objects.strided(
        dtype, new long[] {images, operand.shape().c()}, new long[] {operand.pitch(), 1});
  }

  private long convolution(Op.Conv conv) {
    long weights = objects.any(dtype, filters);
    long attributes = objects.attributes(conv.relu());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment strides = arena.allocateFrom(JAVA_LONG, conv.stride(), conv.strideW());
      MemorySegment dilations =
          arena.allocateFrom(JAVA_LONG, conv.dilation() - 1, conv.dilationW() - 1);
      MemorySegment padding = arena.allocateFrom(JAVA_LONG, conv.padH(), conv.padW());
      MemorySegment end = arena.allocateFrom(JAVA_LONG, conv.endH(), conv.endW());
      return objects.description(
          "dnnl_convolution_forward_primitive_desc_create",
          place ->
              (int)
                  DNN.dnnl_convolution_forward_primitive_desc_create()
                      .invokeExact(
                          place,
                          OneDnnObjects.engine(),
                          INFERENCE,
                          DIRECT,
                          source,
                          weights,
                          bias,
                          target,
                          strides,
                          dilations,
                          padding,
                          end,
                          attributes));
    }
  }

  private long product() {
    long weights = objects.any(dtype, filters);
    long attributes = objects.attributes(false);
    return objects.description(
        "dnnl_matmul_primitive_desc_create",
        place ->
            (int)
                DNN.dnnl_matmul_primitive_desc_create()
                    .invokeExact(
                        place, OneDnnObjects.engine(), source, weights, bias, target, attributes));
  }

  /** Whether oneDNN has it at all. */
  boolean exists() {
    return description != 0;
  }

  long scratchpadBytes() {
    return OneDnnObjects.bytes(query(QUERY_SCRATCHPAD));
  }

  long primitive(OneDnnObjects owner) {
    return owner.primitive(description);
  }

  long source(OneDnnObjects owner, long address) {
    return owner.memory(source, address);
  }

  long target(OneDnnObjects owner, long address) {
    return owner.memory(target, address);
  }

  long bias(OneDnnObjects owner, long address) {
    return owner.memory(bias, address);
  }

  long weights(OneDnnObjects owner, long address) {
    return owner.memory(query(QUERY_WEIGHTS), address);
  }

  long scratchpad(OneDnnObjects owner, long address) {
    return owner.memory(query(QUERY_SCRATCHPAD), address);
  }

  /** Uploads the filters, once, in the layout that this plan wants. */
  long uploadWeights(Binding binding) {
    long wanted = query(QUERY_WEIGHTS);
    // Weights are packed anew when a session is reloaded: this plan and what it describes are gone.
    byte[] layout = OneDnnObjects.blob(wanted);
    return binding.constant(
        1,
        "onednn " + digest(layout),
        OneDnnObjects.bytes(wanted),
        (values, packed) -> reorder(filters, values, layout, packed));
  }

  private static void reorder(long[] filters, float[] values, byte[] layout, MemorySegment packed) {
    try (Arena arena = Arena.ofConfined();
        OneDnnObjects temporary = new OneDnnObjects()) {
      long wanted = temporary.ofBlob(layout);
      MemorySegment plain = arena.allocateFrom(JAVA_FLOAT, values);
      long from =
          filters.length == 2
              // A classifier's weights are K,C; a product's are C,K.
              ? temporary.strided(DType.FP32, filters, new long[] {1, filters[0]})
              : temporary.dense(DType.FP32, filters);
      long primitive = temporary.reorder(from, wanted);
      long stream = temporary.stream();
      MemorySegment arguments =
          arguments(
              arena,
              new int[] {SOURCE, TARGET},
              temporary.memory(from, plain.address()),
              temporary.memory(wanted, packed.address()));
      OneDnnObjects.check(
          "dnnl_primitive_execute",
          () -> (int) DNN.dnnl_primitive_execute().invokeExact(primitive, stream, 2, arguments));
      OneDnnObjects.check(
          "dnnl_stream_wait", () -> (int) DNN.dnnl_stream_wait().invokeExact(stream));
    }
  }

  /** An array of {@code dnnl_exec_arg_t}. */
  static MemorySegment arguments(Arena arena, int[] kinds, long... memories) {
    long size = 2 * JAVA_LONG.byteSize();
    MemorySegment arguments = arena.allocate(kinds.length * size, JAVA_LONG.byteAlignment());
    for (int i = 0; i < kinds.length; i++) {
      arguments.set(JAVA_INT, i * size, kinds[i]);
      arguments.set(JAVA_LONG, i * size + JAVA_LONG.byteSize(), memories[i]);
    }
    return arguments;
  }

  private long query(int what) {
    return ForeignCall.of(
        () -> (long) DNN.dnnl_primitive_desc_query_md().invokeExact(description, what, 0));
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  @Override
  public void close() {
    objects.close();
  }
}
