package dev.catena.engine.cublaslt;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.FilterPacking;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.engine.cublaslt.CublasLtProduct.Algorithm;
import dev.catena.engine.cublaslt.CublasLtProduct.Extents;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Fully connected layers and pointwise convolutions by cuBLASLt, with bias and ReLU behind them.
 * Channel views are leading dimensions: read and written in place. Sums are in fp32; fp32 factors
 * are rounded to TF32 only if the problem allows it; the bias is in the type of the output, as
 * cuBLASLt wants it. Thread-safe.
 */
public final class CublasLtMatmul implements Engine {

  private final long workspaceLimit;
  private final Map<Device, Handle> handles = new ConcurrentHashMap<>();

  /**
   * An engine.
   *
   * @param workspaceLimit bytes that an algorithm may use
   */
  public CublasLtMatmul(long workspaceLimit) {
    this.workspaceLimit = workspaceLimit;
  }

  @Override
  public String name() {
    return "cublaslt";
  }

  @Override
  public Optional<String> absent() {
    return CublasLtLibrary.missing();
  }

  @Override
  public Offers offers(Problem problem, Device device) {
    if (device.kind() != Device.Kind.CUDA) {
      return new Offers.Refusal("cuBLASLt runs on GPUs only");
    }
    Optional<String> reason = unsupported(problem).or(CublasLtLibrary::missing);
    return Offers.unless(reason, () -> recommended(problem, device));
  }

  private Offers recommended(Problem problem, Device device) {
    Algorithm found = algorithm(problem, device).orElse(null);
    return found == null
        ? new Offers.Refusal(
            "cuBLASLt has no algorithm within %d bytes on %s"
                .formatted(workspaceLimit, device.name()))
        : Offers.of(
            new Offer(name(), found.workspace(), at -> prepare(problem, found, at, device)));
  }

  /** Why no matrix product can say this problem; empty where one can. */
  static Optional<String> unsupported(Problem problem) {
    if (problem.trains()) {
      return Optional.of("weights are packed before the first batch");
    }
    switch (problem.op()) {
      case Op.Linear _ -> {}
      case Op.Conv conv -> {
        if (!conv.pointwise() || conv.prologue() != Op.Prologue.NONE) {
          return Optional.of("of convolutions, only a pointwise one without prologue is a product");
        }
        if (conv.residual()) {
          return Optional.of("the product adds no residual");
        }
      }
      default -> {
        return Optional.of("not a matrix product");
      }
    }
    return problem.input(0).layout() == Layout.NHWC && problem.output().layout() == Layout.NHWC
        ? Optional.empty()
        : Optional.of("cuBLASLt is given channels-last activations only");
  }

  private Work prepare(Problem problem, Algorithm algorithm, Binding binding, Device device) {
    Handle handle = handles.computeIfAbsent(device, Handle::new);
    long held = handle.hold();
    CublasLtProduct product = null;
    try {
      product = product(problem);
      if (hasBias(problem.op())) {
        product.setBias(bias(problem, binding));
      }
      return new Prepared(handle, held, product, weights(problem, binding), binding, algorithm);
    } catch (RuntimeException e) {
      if (product != null) {
        product.close();
      }
      handle.release();
      throw e;
    }
  }

  private Optional<Algorithm> algorithm(Problem problem, Device device) {
    Handle handle = handles.computeIfAbsent(device, Handle::new);
    long held = handle.hold();
    try (CublasLtProduct product = product(problem)) {
      return product.recommend(
          held, workspaceLimit, alignment(problem.input(0)), alignment(problem.output()));
    } finally {
      handle.release();
    }
  }

  /** The descriptors of a problem that {@link #unsupported(Problem)} has nothing against. */
  static CublasLtProduct product(Problem problem) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    var extents =
        new Extents(
            x.shape().pixels(),
            x.shape().c(),
            y.shape().c(),
            x.pitch(),
            Operand.packedPitch(x.shape().c()),
            y.pitch());
    boolean relu = problem.op() instanceof Op.Conv conv && conv.relu();
    return new CublasLtProduct(
        CublasLtLibrary.find().orElseThrow(),
        extents,
        y.dtype(),
        hasBias(problem.op()),
        relu,
        problem.tf32());
  }

  private static boolean hasBias(Op op) {
    return !(op instanceof Op.Conv conv) || conv.bias();
  }

  private static int alignment(Operand operand) {
    int offset = operand.firstChannel() * operand.dtype().bytes();
    return offset == 0 ? 16 : Math.min(16, Integer.lowestOneBit(offset));
  }

  private static long weights(Problem problem, Binding binding) {
    Shape shape = problem.input(1).shape();
    return FilterPacking.of(shape, problem.output().dtype()).upload(binding, 1);
  }

  private static long bias(Problem problem, Binding binding) {
    int index = problem.op() instanceof Op.Conv conv ? conv.biasIndex() : 2;
    return binding.vector(index, problem.output().dtype(), problem.output().shape().c());
  }

  /** cuBLASLt's handle on one device, as long as somebody holds it. */
  private static final class Handle {
    private final Device device;
    private long address;
    private int holders;

    Handle(Device device) {
      this.device = device;
    }

    synchronized long hold() {
      device.makeCurrent();
      if (holders == 0) {
        address = CublasLtLibrary.find().orElseThrow().createHandle();
      }
      holders++;
      return address;
    }

    synchronized void release() {
      holders--;
      if (holders == 0) {
        device.makeCurrent();
        CublasLtLibrary.find().orElseThrow().destroyHandle(address);
      }
    }
  }

  private static final class Prepared implements Work {
    private final Handle handle;
    private final long held;
    private final CublasLtProduct product;
    private final long weights;
    private final long input;
    private final long output;
    private final MemorySegment algorithm;
    private final long workspace;
    private final long workspaceBytes;
    private boolean closed;

    Prepared(
        Handle handle,
        long held,
        CublasLtProduct product,
        long weights,
        Binding binding,
        Algorithm algorithm) {
      this.handle = handle;
      this.held = held;
      this.product = product;
      this.weights = weights;
      this.input = binding.input(0);
      this.output = binding.output();
      this.algorithm =
          Arena.ofAuto()
              .allocate(algorithm.opaque().length, Long.BYTES)
              .copyFrom(MemorySegment.ofArray(algorithm.opaque()));
      this.workspaceBytes = algorithm.workspace();
      this.workspace = workspaceBytes == 0 ? 0 : binding.workspace();
    }

    @Override
    public void enqueue(Stream stream) {
      handle.device.makeCurrent();
      product.enqueue(
          held, weights, input, output, algorithm, workspace, workspaceBytes, stream.handle());
    }

    @Override
    public int launches() {
      return 1;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        product.close();
        handle.release();
      }
    }
  }
}
