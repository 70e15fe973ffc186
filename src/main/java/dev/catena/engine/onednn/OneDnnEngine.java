package dev.catena.engine.onednn;

import dev.catena.device.Device;
import dev.catena.driver.NativeLibrary;
import dev.catena.driver.OneDnn;
import dev.catena.engine.Engine;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.Optional;

/**
 * Plain convolutions and classifiers, and gradients of plain convolutions, on the CPU by oneDNN. It
 * sees whole, dense tensors: a channel view is copied to or from the workspace, for on strided
 * views oneDNN falls to its reference code.
 *
 * <p>A batch that the cores can share evenly is cut into as many calls of one thread each; another
 * is one call with OpenMP's threads.
 */
public final class OneDnnEngine implements Engine {
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
  public Offers offers(Problem problem, Device device) {
    if (device.kind() != Device.Kind.HOST) {
      return new Offers.Refusal("oneDNN runs on the host only");
    }
    boolean gradient =
        problem.op() instanceof TrainingOp.ConvDgrad
            || problem.op() instanceof TrainingOp.ConvWgrad;
    Optional<String> reason =
        (gradient ? OneDnnGradient.unsupported(problem) : unsupported(problem)).or(this::absent);
    return Offers.unless(
        reason,
        () ->
            (gradient ? OneDnnGradient.offer(name(), problem, device) : offer(problem, device))
                .map(Offers::of)
                .orElseGet(() -> noPrimitive(problem)));
  }

  private static Offers noPrimitive(Problem problem) {
    DType dtype = problem.output().dtype();
    return new Offers.Refusal("this oneDNN has no such primitive for " + dtype + " on this CPU");
  }

  private static Optional<String> unsupported(Problem problem) {
    if (problem.trains()) {
      return Optional.of("filters and vectors are packed before the first batch");
    }
    return switch (problem.op()) {
      case Op.Conv conv when conv.prologue() != Op.Prologue.NONE ->
          Optional.of("oneDNN applies nothing to a convolution's input");
      case Op.Conv conv when conv.residual() -> Optional.of("adds no residual");
      case Op.Conv _, Op.Linear _ when problem.input(0).dtype() != problem.output().dtype() ->
          Optional.of("input and output have different types");
      case Op.Conv _, Op.Linear _ -> Optional.empty();
      default -> Optional.of("not a plain convolution or classifier");
    };
  }

  private Optional<Offer> offer(Problem problem, Device device) {
    int threads = device.threads();
    int calls = problem.input(0).shape().n() % threads == 0 ? threads : 1;
    return OneDnnSizes.of(problem, calls, threads)
        .map(
            sizes ->
                new Offer(
                    name(),
                    sizes.bytes(),
                    binding -> OneDnnWork.of(problem, sizes, binding, device)));
  }
}
