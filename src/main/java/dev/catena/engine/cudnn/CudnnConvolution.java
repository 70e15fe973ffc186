package dev.catena.engine.cudnn;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.FilterPacking;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.engine.cudnn.CudnnPlanCache.Choice;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Plain convolutions, with a residual, bias and ReLU behind them, and their gradients, by cuDNN 9.8
 * or later.
 *
 * <p>Most of cuDNN's engines answer a strided view with a copy of the whole tensor in the
 * workspace. Such a plan is no secret here: its workspace is what the offer says and the memory
 * plan counts. With a limit of 0 the generic engines that need none are found instead.
 *
 * <p>Products are exact and sums in fp32, in the same order every time. In fp32 that excludes the
 * tensor cores, whose TF32 keeps ten bits of mantissa, unless the problem allows it. Thread-safe.
 */
public final class CudnnConvolution implements Engine {

  private final long workspaceLimit;
  private final CudnnPlanCache cache;
  private final Map<Device, CudnnHandles> handles = new ConcurrentHashMap<>();

  /**
   * An engine.
   *
   * @param workspaceLimit bytes that a plan should not exceed; where all do, the smallest is taken
   * @param cache folder where plans are kept, if they are
   */
  public CudnnConvolution(long workspaceLimit, Optional<Path> cache) {
    this.workspaceLimit = workspaceLimit;
    this.cache = new CudnnPlanCache(cache);
  }

  @Override
  public String name() {
    return "cudnn";
  }

  @Override
  public Optional<String> absent() {
    return CudnnLibrary.missing();
  }

  @Override
  public Offers offers(Problem problem, Device device) {
    if (device.kind() != Device.Kind.CUDA) {
      return new Offers.Refusal("cuDNN runs on GPUs only");
    }
    Optional<String> reason = CudnnLibrary.missing().or(() -> CudnnProblem.unsupported(problem));
    return Offers.unless(reason, () -> planned(problem, device));
  }

  private Offers planned(Problem problem, Device device) {
    String cudnn = "cuDNN " + library().versionName();
    try {
      Choice choice = choice(problem, device);
      if (choice.exists()) {
        return Offers.of(
            new Offer(
                name(), choice.workspace(), binding -> prepare(problem, choice, binding, device)));
      }
      boolean restricted = problem.output().dtype() == DType.FP32 && !problem.tf32();
      String restriction = restricted ? " without TF32" : "";
      return new Offers.Refusal(cudnn + " has no plan for it on " + device.name() + restriction);
    } catch (CudnnException e) {
      return new Offers.Refusal(
          cudnn + " cannot plan for " + device.name() + ": " + e.getMessage());
    }
  }

  private Work prepare(Problem problem, Choice choice, Binding binding, Device device) {
    CudnnHandles held = handles.computeIfAbsent(device, d -> new CudnnHandles(library(), d));
    long handle = held.hold();
    try {
      long workspace = choice.workspace() == 0 ? 0 : binding.workspace();
      var executable =
          new CudnnExecutable(
              library(), handle, choice.plan(), addresses(problem, binding), workspace);
      warmUp(executable, handle, device);
      return new Prepared(held, executable);
    } catch (RuntimeException e) {
      held.release();
      throw e;
    }
  }

  /**
   * Runs once on whatever the memory holds: kernels are loaded at their first launch, which must
   * not be during a capture.
   */
  private static void warmUp(CudnnExecutable executable, long handle, Device device) {
    try (Stream stream = device.newStream()) {
      library().setStream(handle, stream.handle());
      executable.execute(handle);
      stream.synchronize();
      library().setStream(handle, 0);
    } catch (RuntimeException e) {
      executable.close();
      throw e;
    }
  }

  /** Plans without a handle: the choice is text, restored by {@link #prepare}. */
  private Choice choice(Problem problem, Device device) {
    CudnnTable graph = CudnnProblem.graph(problem);
    String key =
        String.join(
            "|",
            library().versionName(),
            device.name(),
            device.computeCapability() + "x" + device.multiprocessors(),
            problem.tf32() ? "tf32" : "exact",
            Long.toString(workspaceLimit),
            graph.toString());
    return cache.get(key, () -> choose(problem, device));
  }

  private Choice choose(Problem problem, Device device) {
    device.makeCurrent();
    try (CudnnTarget target = CudnnTarget.present(library(), device.ordinal())) {
      return choose(library(), problem, target, workspaceLimit);
    }
  }

  static Choice choose(
      CudnnLibrary cudnn, Problem problem, CudnnTarget target, long workspaceLimit) {
    CudnnTable graph = CudnnProblem.graph(problem);
    DType dtype = problem.output().dtype();
    try (CudnnPlan plan =
        CudnnPlans.within(
            cudnn, graph, target, e -> e.exact(dtype, problem.tf32()), workspaceLimit)) {
      return plan == null ? Choice.NONE : new Choice(plan.workspace(), plan.json());
    } catch (CudnnException e) {
      if (e.notSupported()) {
        return Choice.NONE;
      }
      throw e;
    }
  }

  private static CudnnLibrary library() {
    return CudnnLibrary.find().orElseThrow();
  }

  /** The addresses of the graph's tensors, by their ids. */
  private static Map<Long, Long> addresses(Problem problem, Binding binding) {
    boolean data = problem.op() instanceof TrainingOp.ConvDgrad;
    boolean filters = problem.op() instanceof TrainingOp.ConvWgrad;
    Map<Long, Long> addresses = new TreeMap<>();
    addresses.put(CudnnProblem.X, data ? binding.output() : binding.input(filters ? 1 : 0));
    addresses.put(CudnnProblem.W, filters ? binding.output() : weights(problem, binding));
    addresses.put(CudnnProblem.Y, data || filters ? binding.input(0) : binding.output());
    if (problem.op() instanceof Op.Conv conv && conv.residual()) {
      addresses.put(CudnnProblem.RESIDUAL, binding.input(conv.residualIndex()));
    }
    if (problem.op() instanceof Op.Conv conv && CudnnProblem.hasBias(conv)) {
      addresses.put(CudnnProblem.BIAS, bias(problem, conv, binding));
    }
    return addresses;
  }

  private static long weights(Problem problem, Binding binding) {
    return problem.input(1).layout() == Layout.FILTERS
        ? binding.input(1)
        : FilterPacking.dense(problem.input(1).shape(), problem.output().dtype())
            .upload(binding, 1);
  }

  private static long bias(Problem problem, Op.Conv conv, Binding binding) {
    DType dtype = problem.output().dtype();
    int channels = problem.output().shape().c();
    if (!conv.bias()) {
      String zeros = "cudnn-zeros-" + dtype.suffix() + "-" + channels;
      return binding.constant(1, zeros, (long) channels * dtype.bytes(), (values, target) -> {});
    }
    return problem.input(conv.biasIndex()).layout() == Layout.DENSE
        ? binding.input(conv.biasIndex())
        : binding.vector(conv.biasIndex(), dtype, channels);
  }

  private static final class Prepared implements Work {
    private final CudnnHandles handles;
    private final CudnnExecutable executable;
    private boolean closed;

    Prepared(CudnnHandles handles, CudnnExecutable executable) {
      this.handles = handles;
      this.executable = executable;
    }

    @Override
    public void enqueue(Stream stream) {
      executable.execute(handles.of(stream));
    }

    @Override
    public int launches() {
      return 1;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        executable.close();
        handles.release();
      }
    }
  }
}
