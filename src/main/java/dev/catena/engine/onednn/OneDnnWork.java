package dev.catena.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.driver.OneDnn;
import dev.catena.engine.Binding;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Calls of one primitive for parts of the batch, between the copies that they need. */
final class OneDnnWork {
  private static final int BLOCKS_OF_A_COPY = 16;

  private final Arena arena = Arena.ofShared();
  private final OneDnnObjects objects = new OneDnnObjects();
  private final List<Launch> launches = new ArrayList<>();

  /** Work that keeps what it calls until it is closed. */
  static Work of(Problem problem, OneDnnSizes sizes, Binding binding, Device device) {
    var one = new OneDnnWork(problem, sizes, binding, device);
    return new LaunchWork(one.launches, one::free);
  }

  private void free() {
    objects.close();
    arena.close();
  }

  private OneDnnWork(Problem problem, OneDnnSizes sizes, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    long source = sizes.input() < 0 ? binding.input(0) : binding.workspace() + sizes.input();
    long target = sizes.output() < 0 ? binding.output() : binding.workspace() + sizes.output();
    if (sizes.input() >= 0) {
      launches.add(copy(device, x, binding.input(0), x.pitch(), source, x.shape().c()));
    }
    launches.add(execute(problem, sizes, binding, device, source, target));
    if (sizes.output() >= 0) {
      launches.add(copy(device, y, target, y.shape().c(), binding.output(), y.pitch()));
    }
  }

  private Launch execute(
      Problem problem,
      OneDnnSizes sizes,
      Binding binding,
      Device device,
      long source,
      long target) {
    MemorySegment calls =
        OneDnnObjects.withThreads(
            sizes.threads(), () -> calls(problem, sizes, binding, source, target));
    return launch(device, calls, sizes.calls(), sizes.threads());
  }

  private record Execute(long calls, long execute, long setThreads, int threads) {}

  private record CopyBytes(
      long x, long y, long xPitch, long yPitch, int bytes, int count, int rows) {}

  /** Executes an array of the kernel's {@code Call}, each with so many of OpenMP's threads. */
  static Launch launch(Device device, MemorySegment calls, int count, int threads) {
    var parameters =
        new Execute(
            calls.address(),
            OneDnn.address("dnnl_primitive_execute"),
            OneDnn.address("omp_set_num_threads"),
            threads);
    return device
        .module("onednn")
        .kernel("onednn_execute")
        .prepare(Dim.of(count), Dim.of(1), 0, parameters);
  }

  /** An array of the kernel's {@code Call}. */
  private MemorySegment calls(
      Problem problem, OneDnnSizes sizes, Binding binding, long source, long target) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    try (var plan = new OneDnnPlan(problem, x.shape().n() / sizes.calls())) {
      long primitive = plan.primitive(objects);
      long weights = plan.weights(objects, plan.uploadWeights(binding));
      int biasIndex =
          switch (problem.op()) {
            case Op.Conv conv -> conv.bias() ? conv.biasIndex() : -1;
            default -> 2;
          };
      boolean convolution = problem.op() instanceof Op.Conv;
      long bias =
          biasIndex < 0
              ? 0
              : plan.bias(objects, binding.vector(biasIndex, DType.FP32, y.shape().c()));
      long sourceStep = part(x, convolution, sizes.calls());
      long targetStep = part(y, convolution, sizes.calls());
      MemorySegment calls = arena.allocate(JAVA_LONG, 4L * sizes.calls());
      for (int i = 0; i < sizes.calls(); i++) {
        long scratchpad = binding.workspace() + sizes.scratchpads() + i * sizes.scratchpadBytes();
        int[] kinds = {
          OneDnnPlan.SOURCE,
          OneDnnPlan.TARGET,
          OneDnnPlan.WEIGHTS,
          OneDnnPlan.SCRATCHPAD,
          OneDnnPlan.BIAS
        };
        MemorySegment arguments =
            OneDnnPlan.arguments(
                arena,
                kinds,
                plan.source(objects, source + i * sourceStep),
                plan.target(objects, target + i * targetStep),
                weights,
                plan.scratchpad(objects, scratchpad),
                bias);
        calls.setAtIndex(JAVA_LONG, 4L * i, primitive);
        calls.setAtIndex(JAVA_LONG, 4L * i + 1, objects.stream());
        calls.setAtIndex(JAVA_LONG, 4L * i + 2, biasIndex < 0 ? 4 : 5);
        calls.setAtIndex(JAVA_LONG, 4L * i + 3, arguments.address());
      }
      return calls;
    }
  }

  /** Bytes from one call's images to the next's. */
  private static long part(Operand operand, boolean dense, int calls) {
    long all =
        dense
            ? OneDnnSizes.denseBytes(operand)
            : (long) operand.shape().n() * operand.pitch() * operand.dtype().bytes();
    return all / calls;
  }

  private static Launch copy(
      Device device, Operand view, long from, int fromPitch, long to, int toPitch) {
    long element = view.dtype().bytes();
    int pixels = Math.toIntExact(view.shape().elements() / view.shape().c());
    int rows = Math.ceilDiv(pixels, BLOCKS_OF_A_COPY * device.threads());
    int bytes = Math.toIntExact(view.shape().c() * element);
    var parameters =
        new CopyBytes(from, to, fromPitch * element, toPitch * element, bytes, pixels, rows);
    return device
        .module("onednn")
        .kernel("channel_copy_bytes")
        .prepare(Dim.of(Math.ceilDiv(pixels, rows)), Dim.of(1), 0, parameters);
  }
}
