package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Catena's own kernels, {@code kernels/*.cu}: every operation, on every device.
 *
 * <p>Convolutions and classifiers come in two forms. {@link #matrix} has the matrix kernels for a
 * GPU; the host runs them too, to check them, a fiber for each thread. {@link #direct} has kernels
 * without barriers, which the host runs as vectorised loops.
 */
public final class KernelEngine implements Engine {
  private final boolean matrix;

  private KernelEngine(boolean matrix) {
    this.matrix = matrix;
  }

  /** Everything; named {@code kernel}. */
  public static KernelEngine matrix() {
    return new KernelEngine(true);
  }

  /** Convolutions and classifiers without barriers; named {@code direct}. */
  public static KernelEngine direct() {
    return new KernelEngine(false);
  }

  /**
   * An engine for every way to cut a convolution, its gradients or a dense layer into blocks, of
   * which {@link #matrix} takes the one that fits the shape best. To check them all.
   */
  public static List<Engine> tiles() {
    return Stream.of(KernelTileEngine.all(), KernelLayerEngine.all(), KernelGradientEngine.all())
        .flatMap(List::stream)
        .toList();
  }

  @Override
  public String name() {
    return matrix ? "kernel" : "direct";
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    Op op = problem.op();
    if (matrix && op instanceof Op.DenseLayer) {
      return KernelDenseLayer.unsupported(problem, device);
    }
    if (op instanceof TrainingOp.ConvStatistics both) {
      return matrix
          ? unsupported(problem.part(both.conv(), problem.inputs(), problem.output()), device)
          : Optional.of("leaves no statistics");
    }
    if (op instanceof TrainingOp.ConvDgrad || op instanceof TrainingOp.ConvWgrad) {
      return KernelGradients.unsupported(problem);
    }
    if (op instanceof TrainingOp training && !(op instanceof TrainingOp.Augment)) {
      return new KernelTraining(matrix).unsupported(training, problem, device);
    }
    boolean ours =
        switch (op) {
          case Op.Conv _, Op.Linear _ -> true;
          case Op.ScaleShift _, Op.Scale _, Op.Activation _, Op.Add _ -> matrix;
          case Op.Pool _, Op.GlobalAveragePool _ -> matrix;
          case Op.Concat _, Op.Copy _, Op.FromNchw _, Op.ToNchw _ -> matrix;
          case TrainingOp.Augment a -> matrix && a.mean().size() <= KernelAugment.MOST_CHANNELS;
          case Op.Shortcut _, Op.PadChannels _, Op.ScaleChannels _ -> matrix;
          case Op.LocalResponseNorm _, Op.AdaptiveAveragePool _, Op.Flatten _ -> matrix;
          default -> false;
        };
    if (!ours) {
      return Optional.of("has no kernel for " + op.getClass().getSimpleName());
    }
    List<Operand> operands = problem.operands();
    if (!operands.stream().allMatch(KernelCall::indexable)) {
      return Optional.of("has 32-bit pixel indices");
    }
    boolean converts =
        op instanceof Op.Copy
            || op instanceof Op.FromNchw
            || op instanceof Op.ToNchw
            || op instanceof TrainingOp.Augment;
    boolean oneType =
        operands.stream()
                .filter(o -> o.layout() != Layout.PARAMETER && o.layout() != Layout.DENSE)
                .map(Operand::dtype)
                .distinct()
                .count()
            <= 1;
    return converts || oneType ? Optional.empty() : Optional.of("wants one element type");
  }

  /**
   * Fibers are for checking; and where both forms are the same kernel, one of them competes. A
   * dense layer does where little of it is computed twice.
   */
  @Override
  public boolean competes(Problem problem, Device device) {
    boolean host = device.kind() == Device.Kind.HOST;
    if (problem.op() instanceof Op.DenseLayer) {
      Shape y = problem.output().shape();
      return !host && denseLayer(problem, device).worthwhile(y);
    }
    if (host && problem.op() instanceof Op.Conv conv && conv.residual()) {
      return false; // A library's convolution and a sum are faster.
    }
    if (problem.op() instanceof TrainingOp.ConvStatistics) {
      return !host && KernelPipeline.unsupported(problem, device).isEmpty();
    }
    boolean twoForms =
        switch (problem.op()) {
          case Op.Conv conv -> KernelConvolutions.tiled(conv);
          case Op.Linear _ -> true;
          case TrainingOp.ConvDgrad dgrad -> KernelDgrad.supports(dgrad);
          case TrainingOp.ConvWgrad wgrad -> KernelWgrad.supports(wgrad);
          case TrainingOp.Augment _ -> false;
          case TrainingOp _ -> true;
          default -> false;
        };
    return matrix ? !(twoForms && host) : twoForms && host;
  }

  /** On a GPU the tiles of a problem; arithmetic is for those who do not measure. */
  @Override
  public List<Engine> alternatives(Problem problem, Device device) {
    if (!matrix || device.kind() == Device.Kind.HOST) {
      return List.of();
    }
    KernelLimits limits = new KernelLimits(device);
    if (problem.op() instanceof Op.DenseLayer) {
      return KernelLayerEngine.candidates(problem, limits);
    }
    if (problem.op() instanceof TrainingOp.ConvDgrad
        || problem.op() instanceof TrainingOp.ConvWgrad) {
      return KernelGradientEngine.candidates(problem, device);
    }
    return KernelPipeline.unsupported(problem, device).isEmpty()
        ? KernelTileEngine.candidates(problem, limits)
        : List.of();
  }

  @Override
  public long workspace(Problem problem, Device device) {
    switch (problem.op()) {
      case TrainingOp.ConvDgrad op -> {
        return matrix && KernelDgrad.supports(op)
            ? KernelDgrad.choose(problem, op, device).workspace()
            : KernelGradients.dgradWorkspace(problem, op, device);
      }
      case TrainingOp.ConvWgrad op -> {
        return matrix && KernelWgrad.supports(op)
            ? KernelWgrad.choose(problem, op.conv(), device).workspace()
            : KernelGradients.wgradWorkspace(problem, device);
      }
      case TrainingOp.ConvStatistics _ -> {
        return pipeline(problem, device)
            .map(p -> p.workspace(problem))
            .orElseGet(() -> KernelBatchNorm.statisticsWorkspace(problem.output()));
      }
      case TrainingOp op -> {
        return new KernelTraining(matrix).workspace(op, problem);
      }
      default -> {}
    }
    return pipeline(problem, device).map(p -> p.workspace(problem)).orElse(0L);
  }

  private Optional<KernelPipeline> pipeline(Problem problem, Device device) {
    return matrix && KernelPipeline.unsupported(problem, device).isEmpty()
        ? Optional.of(KernelPipeline.choose(problem, new KernelLimits(device)))
        : Optional.empty();
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    KernelCall call = new KernelCall(problem, binding, device);
    return new LaunchWork(
        pipeline(problem, device).map(p -> p.launches(call)).orElseGet(() -> launches(call)));
  }

  private List<Launch> launches(KernelCall call) {
    return switch (call.problem().op()) {
      case Op.Concat _ -> KernelElementwise.concat(call);
      case Op.Copy _ -> List.of(KernelElementwise.copy(call));
      case TrainingOp.Augment a -> List.of(KernelAugment.launch(call, a));
      case Op.FromNchw _ -> List.of(KernelElementwise.fromNchw(call));
      case Op.ToNchw _ -> List.of(KernelElementwise.toNchw(call));
      case Op.Activation a -> List.of(KernelBlocks.activation(call, a));
      case Op.ScaleShift s -> List.of(KernelElementwise.scaleShift(call, s.relu()));
      case Op.Add a -> List.of(KernelElementwise.add(call, a.relu()));
      case Op.Scale s -> {
        KernelStrips strips = KernelStrips.of(call.x(), call.device().kind() == Device.Kind.HOST);
        yield List.of(KernelBackward.scale(call, strips, s.factor()));
      }
      case Op.Pool p -> List.of(KernelPools.window(call, p));
      case Op.GlobalAveragePool p -> List.of(KernelPools.global(call, p));
      case Op.Shortcut s -> List.of(KernelBlocks.shortcut(call, s));
      case Op.PadChannels _ -> List.of(KernelBlocks.padChannels(call));
      case Op.ScaleChannels s -> List.of(KernelBlocks.scaleChannels(call, s));
      case Op.LocalResponseNorm n -> List.of(KernelBlocks.localResponseNorm(call, n));
      case Op.AdaptiveAveragePool _ -> List.of(KernelBlocks.adaptiveAverage(call));
      case Op.Flatten _ -> List.of(KernelBlocks.flatten(call));
      case Op.Conv c -> List.of(convolution(call, c));
      case TrainingOp.ConvStatistics c -> {
        List<Launch> launches = new ArrayList<>(List.of(convolution(call, c.conv())));
        launches.addAll(KernelBatchNorm.statisticsOfOutput(call));
        yield launches;
      }
      case Op.DenseLayer _ -> List.of(denseLayer(call.problem(), call.device()).launch(call));
      case Op.Linear _ ->
          List.of(matrix ? KernelConvolutions.linear(call) : KernelConvolutions.directLinear(call));
      case TrainingOp.ConvDgrad d ->
          matrix && KernelDgrad.supports(d)
              ? KernelDgrad.choose(call.problem(), d, call.device()).launches(call)
              : KernelGradients.dgrad(call, d);
      case TrainingOp.ConvWgrad w ->
          matrix && KernelWgrad.supports(w)
              ? KernelWgrad.choose(call.problem(), w.conv(), call.device()).launches(call)
              : KernelGradients.wgrad(call, w);
      case TrainingOp op -> new KernelTraining(matrix).launches(op, call);
      default -> throw new IllegalArgumentException("not supported: " + call.problem().op());
    };
  }

  private Launch convolution(KernelCall call, Op.Conv conv) {
    return matrix && KernelConvolutions.tiled(conv)
        ? KernelConvolutions.tile(call, conv)
        : KernelConvolutions.direct(call, conv);
  }

  private static KernelDenseLayer denseLayer(Problem problem, Device device) {
    return KernelDenseLayer.cut(problem, new KernelLimits(device)).orElseThrow();
  }
}
