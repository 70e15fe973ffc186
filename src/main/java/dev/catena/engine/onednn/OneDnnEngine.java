package dev.catena.engine.onednn;

import dev.catena.device.Device;
import dev.catena.driver.NativeLibrary;
import dev.catena.driver.OneDnn;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Plain convolutions and classifiers, and gradients of plain convolutions, on the CPU by oneDNN. It
 * sees whole, dense tensors: a channel view is copied to or from the workspace, for on strided
 * views oneDNN falls to its reference code.
 *
 * <p>A batch that the cores can share evenly is cut into as many calls of one thread each; another
 * is one call with OpenMP's threads.
 */
public final class OneDnnEngine implements Engine {
  private final Map<Key, Optional<OneDnnSizes>> known = new ConcurrentHashMap<>();

  private final Map<Key, Optional<Long>> gradients = new ConcurrentHashMap<>();

  private record Key(Problem problem, int threads) {}

  /** An engine for any host device, whether or not the library is there. */
  public OneDnnEngine() {}

  @Override
  public String name() {
    return "onednn";
  }

  @Override
  public Optional<String> absent() {
    return OneDnn.search() instanceof NativeLibrary.Missing missing
        ? Optional.of(missing.explain())
        : Optional.empty();
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    if (device.kind() != Device.Kind.HOST) {
      return Optional.of("oneDNN runs on the host only");
    }
    if (gradient(problem)) {
      return OneDnnGradient.unsupported(problem)
          .or(this::absent)
          .or(() -> missing(gradientBytes(problem, device).isPresent(), problem));
    }
    if (problem.trains()) {
      return Optional.of("filters and vectors are packed before the first batch");
    }
    DType dtype = problem.output().dtype();
    return switch (problem.op()) {
      case Op.Conv conv when conv.prologue() != Op.Prologue.NONE ->
          Optional.of("oneDNN applies nothing to a convolution's input");
      case Op.Conv conv when conv.residual() -> Optional.of("adds no residual");
      case Op.Conv _, Op.Linear _ -> {
        if (absent().isPresent()) {
          yield absent();
        }
        if (problem.input(0).dtype() != dtype) {
          yield Optional.of("input and output have different types");
        }
        yield missing(sizes(problem, device).isPresent(), problem);
      }
      default -> Optional.of("not a plain convolution or classifier");
    };
  }

  private static Optional<String> missing(boolean found, Problem problem) {
    return found
        ? Optional.empty()
        : Optional.of(
            "this oneDNN has no such primitive for " + problem.output().dtype() + " on this CPU");
  }

  private static boolean gradient(Problem problem) {
    return problem.op() instanceof TrainingOp.ConvDgrad
        || problem.op() instanceof TrainingOp.ConvWgrad;
  }

  private Optional<Long> gradientBytes(Problem problem, Device device) {
    int threads = device.threads();
    return gradients.computeIfAbsent(
        new Key(problem, threads), _ -> OneDnnGradient.workspace(problem, threads));
  }

  @Override
  public long workspace(Problem problem, Device device) {
    if (gradient(problem)) {
      return gradientBytes(problem, device).orElseThrow();
    }
    return sizes(problem, device).orElseThrow().bytes();
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    if (gradient(problem)) {
      return OneDnnGradient.prepare(problem, binding, device);
    }
    return new OneDnnWork(problem, sizes(problem, device).orElseThrow(), binding, device);
  }

  /** Calls that a problem is cut into. */
  private static int calls(Problem problem, int threads) {
    return problem.input(0).shape().n() % threads == 0 ? threads : 1;
  }

  private Optional<OneDnnSizes> sizes(Problem problem, Device device) {
    int threads = device.threads();
    return known.computeIfAbsent(
        new Key(problem, threads),
        key -> OneDnnSizes.of(problem, calls(problem, threads), threads));
  }
}
