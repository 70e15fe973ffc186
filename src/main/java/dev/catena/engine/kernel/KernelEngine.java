package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.Engine;
import dev.catena.engine.Offers;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
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
   * The names of all ways to cut a convolution, its gradients or a dense layer into blocks, of
   * which {@link #matrix} prefers the one that fits the shape best.
   */
  public static List<String> tiles() {
    return Stream.of(
            KernelPipeline.names(),
            KernelDenseLayer.VARIANTS.stream().map(KernelDenseLayer.Variant::kernel),
            KernelDgrad.TILES.stream().map(KernelDgrad::kernel),
            WgradCut.TILES.stream().map(WgradCut.Tile::kernel))
        .flatMap(names -> names)
        .toList();
  }

  @Override
  public String name() {
    return matrix ? "kernel" : "direct";
  }

  /** The direct kernels take twenty times as long as tiles that stay in a cache. */
  @Override
  public boolean isLastResort() {
    return !matrix;
  }

  /** The ways of a problem on a GPU are its tiles; arithmetic is for those who do not measure. */
  @Override
  public Offers offers(Problem problem, Device device) {
    Optional<String> reason = unsupported(problem, device);
    if (reason.isPresent()) {
      return new Offers.Refusal(reason.get());
    }
    KernelWay preferred = way(problem, device).preferred(name(), competes(problem, device));
    return new Offers.Some(
        preferred.offer(problem, device),
        ways(problem, device).stream().map(way -> way.offer(problem, device)).toList());
  }

  private Optional<String> unsupported(Problem problem, Device device) {
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
          case Op.Binary _, Op.Arrange _, Op.ArgMax _, Op.MatMul _ -> matrix;
          case Op.Softmax _, Op.Norm _ -> true;
          case Op.LocalResponseNorm _, Op.AdaptiveAveragePool _, Op.Flatten _ -> matrix;
          case Op.Sample _ -> matrix;
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
            || op instanceof Op.ArgMax
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
  private boolean competes(Problem problem, Device device) {
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
          case Op.Linear _, Op.Softmax _, Op.Norm _ -> true;
          case TrainingOp.ConvDgrad dgrad -> KernelDgrad.supports(dgrad);
          case TrainingOp.ConvWgrad wgrad -> KernelWgrad.supports(wgrad);
          case TrainingOp.Augment _ -> false;
          case TrainingOp _ -> true;
          default -> false;
        };
    return matrix ? !(twoForms && host) : twoForms && host;
  }

  /** Every tile that takes the problem; those compete that may be the fastest on a GPU. */
  private List<KernelWay> ways(Problem problem, Device device) {
    KernelLimits limits = new KernelLimits(device);
    boolean compete = device.kind() == Device.Kind.CUDA;
    if (!matrix) {
      return List.of();
    }
    return switch (problem.op()) {
      case Op.DenseLayer _ -> KernelDenseLayer.ways(problem, limits, compete);
      case TrainingOp.ConvDgrad d -> KernelDgrad.ways(problem, d, device, compete);
      case TrainingOp.ConvWgrad w -> KernelWgrad.ways(problem, w, device, compete);
      default ->
          KernelPipeline.unsupported(problem, device).isEmpty()
              ? KernelPipeline.ways(problem, limits, compete)
              : List.of();
    };
  }

  /** What arithmetic prefers. */
  private KernelWay way(Problem problem, Device device) {
    if (matrix && KernelPipeline.unsupported(problem, device).isEmpty()) {
      return KernelPipeline.choose(problem, new KernelLimits(device)).way(problem, true);
    }
    return switch (problem.op()) {
      case Op.Concat _ -> KernelWay.of(0, KernelElementwise::concat);
      case Op.Copy _ -> KernelWay.of(KernelElementwise::copy);
      case TrainingOp.Augment a -> KernelWay.of(call -> KernelAugment.launch(call, a));
      case Op.FromNchw _ -> KernelWay.of(KernelElementwise::fromNchw);
      case Op.ToNchw _ -> KernelWay.of(KernelElementwise::toNchw);
      case Op.Activation a -> KernelWay.of(call -> KernelBlocks.activation(call, a));
      case Op.ScaleShift _ ->
          KernelWay.of(call -> call.over(call.x(), "scale_shift", "scale_shift"));
      case Op.Add _ -> KernelWay.of(KernelElementwise::add);
      case Op.Scale _ -> {
        boolean host = device.kind() == Device.Kind.HOST;
        yield KernelWay.of(call -> KernelBackward.scale(call, KernelStrips.of(call.x(), host)));
      }
      case Op.Pool p -> KernelWay.of(call -> KernelPools.window(call, p));
      case Op.GlobalAveragePool p -> KernelWay.of(call -> KernelPools.global(call, p));
      case Op.Shortcut _ -> KernelWay.of(KernelBlocks::shortcut);
      case Op.PadChannels _ -> KernelWay.of(KernelBlocks::padChannels);
      case Op.ScaleChannels s -> KernelWay.of(call -> KernelBlocks.scaleChannels(call, s));
      case Op.Binary b -> KernelWay.of(call -> KernelOperands.binary(call, b));
      case Op.Arrange a -> KernelWay.of(call -> KernelOperands.arrange(call, a));
      case Op.MatMul m -> KernelWay.of(call -> KernelOperands.matMul(call, m));
      case Op.Softmax s -> KernelWay.of(call -> KernelRows.softmax(call, s.form(), matrix));
      case Op.ArgMax _ -> KernelWay.of(KernelRows::argMax);
      case Op.Norm n -> KernelWay.of(call -> KernelRows.norm(call, n, matrix));
      case Op.LocalResponseNorm _ ->
          KernelWay.of(call -> call.over(call.y(), "plain_network", "local_response_norm"));
      case Op.Sample _ -> KernelWay.of(KernelBlocks::sample);
      case Op.AdaptiveAveragePool _ -> KernelWay.of(KernelBlocks::adaptiveAverage);
      case Op.Flatten _ -> KernelWay.of(call -> call.over(call.x(), "plain_network", "flatten"));
      case Op.Conv c -> KernelWay.of(call -> convolution(call, c));
      case TrainingOp.ConvStatistics c ->
          KernelWay.of(
              KernelBatchNorm.statisticsWorkspace(problem.output()),
              call -> {
                List<Launch> launches = new ArrayList<>(List.of(convolution(call, c.conv())));
                launches.addAll(KernelBatchNorm.statisticsOfOutput(call));
                return launches;
              });
      case Op.DenseLayer _ -> {
        KernelDenseLayer cut = denseLayer(problem, device);
        yield KernelWay.of(cut::launch);
      }
      case Op.Linear _ ->
          KernelWay.of(matrix ? KernelConvolutions::linear : KernelConvolutions::directLinear);
      case TrainingOp.ConvDgrad d ->
          matrix && KernelDgrad.supports(d)
              ? KernelDgrad.choose(problem, d, device).way("", true)
              : KernelWay.of(
                  KernelGradients.dgradWorkspace(problem, d, device),
                  call -> KernelGradients.dgrad(call, d));
      case TrainingOp.ConvWgrad w ->
          matrix && KernelWgrad.supports(w)
              ? KernelWgrad.choose(problem, w.conv(), device).way("", true)
              : KernelWay.of(
                  KernelGradients.wgradWorkspace(problem, device),
                  call -> KernelGradients.wgrad(call, w));
      case TrainingOp op -> new KernelTraining(matrix).way(op, problem);
      default -> throw new IllegalArgumentException("not supported: " + problem.op());
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
