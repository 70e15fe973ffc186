package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Gradients of convolutions on one tile of {@code conv_dgrad.cu} or {@code conv_wgrad.cu}, named
 * like its kernel.
 */
record KernelGradientEngine(String name) implements Engine {
  /** Every tile. To check them. */
  static List<Engine> all() {
    return Stream.concat(
            KernelDgrad.TILES.stream().map(KernelDgrad::kernel),
            WgradCut.TILES.stream().map(WgradCut.Tile::kernel))
        .<Engine>map(KernelGradientEngine::new)
        .toList();
  }

  /** Those that compute {@code problem}. */
  static List<Engine> candidates(Problem problem, Device device) {
    return all().stream().filter(e -> e.unsupported(problem, device).isEmpty()).toList();
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    boolean gradient =
        problem.op() instanceof TrainingOp.ConvDgrad
            || problem.op() instanceof TrainingOp.ConvWgrad;
    if (!gradient) {
      return Optional.of("tiles are for gradients of convolutions");
    }
    Optional<String> reason = KernelGradients.unsupported(problem);
    boolean takes = dgrad(problem, device).isPresent() || wgrad(problem, device).isPresent();
    return reason.isPresent() || takes ? reason : Optional.of("another kernel's tile");
  }

  private Optional<KernelDgrad> dgrad(Problem problem, Device device) {
    return problem.op() instanceof TrainingOp.ConvDgrad op && KernelDgrad.supports(op)
        ? KernelDgrad.on(problem, op, device, tile -> KernelDgrad.kernel(tile).equals(name))
        : Optional.empty();
  }

  private Optional<KernelWgrad> wgrad(Problem problem, Device device) {
    return problem.op() instanceof TrainingOp.ConvWgrad op && KernelWgrad.supports(op)
        ? KernelWgrad.on(problem, op.conv(), device, tile -> tile.kernel().equals(name))
        : Optional.empty();
  }

  @Override
  public long workspace(Problem problem, Device device) {
    return dgrad(problem, device)
        .map(KernelDgrad::workspace)
        .orElseGet(() -> wgrad(problem, device).orElseThrow().workspace());
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    KernelCall call = new KernelCall(problem, binding, device);
    List<Launch> launches =
        dgrad(problem, device)
            .map(gradient -> gradient.launches(call))
            .orElseGet(() -> wgrad(problem, device).orElseThrow().launches(call));
    return new LaunchWork(launches);
  }
}
