package dev.catena.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.invoke.MethodHandles.insertArguments;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.driver.ForeignCall;
import dev.catena.driver.OneDnn;
import dev.catena.engine.Binding;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Offer;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongBiFunction;

/**
 * The gradient of a plain convolution by its input or its filters: one primitive for the whole
 * batch with all of OpenMP's threads, and a reordering of the filters, which lie as {@link
 * dev.catena.graph.Layout#FILTERS}, before or behind it. The workspace has the reordered filters,
 * then the scratchpad.
 */
final class OneDnnGradient implements AutoCloseable {
  private static final int TRAINING = 64;
  private static final int DIRECT = 1;
  private static final int QUERY_WEIGHTS = 131;
  private static final int QUERY_WEIGHTS_GRADIENT = 132;
  private static final int SOURCE_GRADIENT = 129;
  private static final int TARGET_GRADIENT = 145;
  private static final int WEIGHTS_GRADIENT = 161;
  private static final long ALIGNMENT = 256;
  private static final OneDnn DNN = OneDnn.get();

  private final Arena arena = Arena.ofShared();
  private final OneDnnObjects objects = new OneDnnObjects();
  private final boolean byInput;
  private final Operand image;
  private final Operand gradient;
  private final Operand filters;
  private final long source;
  private final long target;
  private final long primitive;

  private OneDnnGradient(Problem problem) {
    byInput = problem.op() instanceof TrainingOp.ConvDgrad;
    gradient = problem.input(0);
    image = byInput ? problem.output() : problem.input(1);
    filters = byInput ? problem.input(1) : problem.output();
    source = nhwc(image);
    target = nhwc(gradient);
    try {
      primitive = describe(conv(problem));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Why oneDNN's gradients are not for a problem that asks for one; empty if they may be. */
  static Optional<String> unsupported(Problem problem) {
    Op.Conv conv = conv(problem);
    if (conv.prologue() != Op.Prologue.NONE) {
      return Optional.of("oneDNN's gradients go through no prologue");
    }
    if (problem.input(1).layout() == Layout.PARAMETER) {
      return Optional.of(Problem.CONSTANT_FILTERS);
    }
    if (conv.groups() > 1
        || (problem.op() instanceof TrainingOp.ConvDgrad dgrad && dgrad.accumulate())) {
      return Optional.of("groups and accumulation are left to the tiles");
    }
    boolean image = problem.op() instanceof TrainingOp.ConvDgrad;
    Operand x = image ? problem.output() : problem.input(1);
    return x.dtype() == DType.FP32
            && problem.input(0).dtype() == DType.FP32
            && x.isDense()
            && problem.input(0).isDense()
        ? Optional.empty()
        : Optional.of("only dense fp32: a strided view would cost a copy at every step");
  }

  private static Op.Conv conv(Problem problem) {
    return switch (problem.op()) {
      case TrainingOp.ConvDgrad dgrad -> dgrad.conv();
      case TrainingOp.ConvWgrad wgrad -> wgrad.conv();
      default -> throw new IllegalArgumentException("no gradient: " + problem.op());
    };
  }

  /** The gradient under an engine's {@code name}; empty if this oneDNN has no such primitive. */
  static Optional<Offer> offer(String name, Problem problem, Device device) {
    return OneDnnObjects.withThreads(
        device.threads(),
        () -> {
          try (var one = new OneDnnGradient(problem)) {
            return one.primitive == 0
                ? Optional.empty()
                : Optional.of(
                    new Offer(
                        name,
                        one.reorderedBytes() + OneDnnObjects.bytes(one.scratchpad()),
                        binding -> prepare(problem, binding, device)));
          }
        });
  }

  private static Work prepare(Problem problem, Binding binding, Device device) {
    return OneDnnObjects.withThreads(
        device.threads(),
        () -> {
          var one = new OneDnnGradient(problem);
          try {
            return new LaunchWork(one.bind(binding, device), one::close);
          } catch (RuntimeException | Error e) {
            one.close();
            throw e;
          }
        });
  }

  private long nhwc(Operand operand) {
    return objects.nhwc(DType.FP32, operand.shape().n(), operand.shape());
  }

  /** The filters as Catena keeps them. */
  private long rows() {
    Shape w = filters.shape();
    long[] extents = {w.dim(0), w.dim(1), w.dim(2), w.dim(3)};
    long row = w.dim(3) * (long) filters.pitch();
    long[] strides = {w.dim(2) * row, 1, row, filters.pitch()};
    return objects.strided(DType.FP32, extents, strides);
  }

  /** All three functions take the same, once what only some of them have is put in its place. */
  private long describe(Op.Conv conv) {
    Shape w = filters.shape();
    long any = objects.any(DType.FP32, w.dim(0), w.dim(1), w.dim(2), w.dim(3));
    long noBias = 0;
    long attributes = objects.attributes(false);
    MemorySegment strides = arena.allocateFrom(JAVA_LONG, conv.stride(), conv.strideW());
    MemorySegment dilations =
        arena.allocateFrom(JAVA_LONG, conv.dilation() - 1, conv.dilationW() - 1);
    MemorySegment padding = arena.allocateFrom(JAVA_LONG, conv.padH(), conv.padW());
    MemorySegment end = arena.allocateFrom(JAVA_LONG, conv.endH(), conv.endW());
    long engine = OneDnnObjects.engine();
    ToLongBiFunction<String, MethodHandle> describe =
        (pass, create) ->
            objects.description(
                "dnnl_convolution_" + pass + "_primitive_desc_create",
                place ->
                    (int)
                        create.invokeExact(
                            place,
                            engine,
                            DIRECT,
                            source,
                            any,
                            target,
                            strides,
                            dilations,
                            padding,
                            end,
                            attributes));
    MethodHandle ahead = DNN.dnnl_convolution_forward_primitive_desc_create();
    long forward =
        describe.applyAsLong(
            "forward", insertArguments(insertArguments(ahead, 6, noBias), 2, TRAINING));
    if (forward == 0) {
      return 0;
    }
    MethodHandle back =
        byInput
            ? DNN.dnnl_convolution_backward_data_primitive_desc_create()
            : insertArguments(
                DNN.dnnl_convolution_backward_weights_primitive_desc_create(), 5, noBias);
    String pass = byInput ? "backward_data" : "backward_weights";
    return describe.applyAsLong(pass, insertArguments(back, 10, forward));
  }

  private long query(int what) {
    return ForeignCall.of(
        () -> (long) DNN.dnnl_primitive_desc_query_md().invokeExact(primitive, what, 0));
  }

  private long scratchpad() {
    return query(OneDnnPlan.QUERY_SCRATCHPAD);
  }

  private long reordered() {
    return query(byInput ? QUERY_WEIGHTS : QUERY_WEIGHTS_GRADIENT);
  }

  private long reorderedBytes() {
    return Math.ceilDiv(OneDnnObjects.bytes(reordered()), ALIGNMENT) * ALIGNMENT;
  }

  private List<Launch> bind(Binding binding, Device device) {
    long ours = objects.memory(rows(), byInput ? binding.input(1) : binding.output());
    long theirs = objects.memory(reordered(), binding.workspace());
    long spare = objects.memory(scratchpad(), binding.workspace() + reorderedBytes());
    long x = objects.memory(source, byInput ? binding.output() : binding.input(1));
    long g = objects.memory(target, binding.input(0));
    int[] kinds =
        byInput
            ? new int[] {
              OneDnnPlan.WEIGHTS, SOURCE_GRADIENT, TARGET_GRADIENT, OneDnnPlan.SCRATCHPAD
            }
            : new int[] {
              WEIGHTS_GRADIENT, OneDnnPlan.SOURCE, TARGET_GRADIENT, OneDnnPlan.SCRATCHPAD
            };
    Launch compute = launch(device, objects.primitive(primitive), kinds, theirs, x, g, spare);
    int[] ends = {OneDnnPlan.SOURCE, OneDnnPlan.TARGET};
    if (byInput) {
      long reorder = objects.reorder(rows(), reordered());
      return List.of(launch(device, reorder, ends, ours, theirs), compute);
    }
    long reorder = objects.reorder(reordered(), rows());
    return List.of(compute, launch(device, reorder, ends, theirs, ours));
  }

  private Launch launch(Device device, long what, int[] kinds, long... memories) {
    MemorySegment arguments = OneDnnPlan.arguments(arena, kinds, memories);
    MemorySegment call =
        arena.allocateFrom(JAVA_LONG, what, objects.stream(), kinds.length, arguments.address());
    return OneDnnWork.launch(device, call, 1, device.threads());
  }

  @Override
  public void close() {
    objects.close();
    arena.close();
  }
}
