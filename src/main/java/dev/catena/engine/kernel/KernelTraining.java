package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The training operations that our kernels do. Each has two forms: for a GPU, which the host runs
 * to check it, and for the host, which goes over whole rows of channels.
 *
 * @param matrix the form for a GPU
 */
record KernelTraining(boolean matrix) {
  private static final int MOMENTS = 2;
  private static final String PLAIN = "plain_network_backward";

  /** Why the kernels cannot do it; empty if they can. */
  Optional<String> unsupported(TrainingOp op, Problem problem, Device device) {
    boolean ours =
        switch (op) {
          case TrainingOp.Slice _,
              TrainingOp.Augment _,
              TrainingOp.ConvDgrad _,
              TrainingOp.ConvWgrad _ ->
              false;
          default -> true;
        };
    if (!ours) {
      return Optional.of("has no kernel for " + op.getClass().getSimpleName());
    }
    if (!matrix && device.kind() != Device.Kind.HOST) {
      return Optional.of("its form of a training operation is the host's");
    }
    if (op instanceof TrainingOp.PoolBackward p && !KernelBackward.supported(p.pool())) {
      return Optional.of("tells no more than 256 places of a window apart");
    }
    if (!problem.operands().stream().allMatch(KernelCall::indexable)) {
      return Optional.of("has 32-bit pixel indices");
    }
    return typed(op, problem).map(Operand::dtype).distinct().count() == 1
        ? Optional.empty()
        : Optional.of("wants one element type");
  }

  /** The operands that have the element type of the activations; all others are fp32. */
  private static Stream<Operand> typed(TrainingOp op, Problem problem) {
    List<Operand> in = problem.inputs();
    Stream<Operand> first = Stream.of(in.getFirst());
    return switch (op) {
      case TrainingOp.SoftmaxCrossEntropy _,
          TrainingOp.BatchStatistics _,
          TrainingOp.ChannelSums _ ->
          first;
      case TrainingOp.LinearWgrad _ -> in.stream();
      default -> {
        Stream<Operand> statistics =
            in.stream()
                .skip(1)
                .filter(o -> o.layout() == Layout.NHWC || o.layout() == Layout.FILTERS)
                .filter(o -> !isStatistics(o));
        yield Stream.concat(Stream.concat(first, statistics), Stream.of(problem.output()));
      }
    };
  }

  private static boolean isStatistics(Operand operand) {
    return operand.dtype() == DType.FP32
        && operand.layout() == Layout.NHWC
        && operand.shape().n() == MOMENTS
        && operand.shape().pixels() == MOMENTS;
  }

  /** How a supported problem is computed; scratch memory holds partial sums and the like. */
  KernelWay way(TrainingOp op, Problem problem) {
    return switch (op) {
      case TrainingOp.SoftmaxCrossEntropy _ ->
          KernelWay.of(
              KernelClassifier.lossWorkspace(problem), call -> KernelClassifier.loss(call, matrix));
      case TrainingOp.SoftmaxCrossEntropyBackward _ ->
          KernelWay.of(call -> KernelClassifier.lossBackward(call, matrix));
      case TrainingOp.BatchStatistics _ ->
          KernelWay.of(
              strips(problem.input(0)).workspace(MOMENTS),
              call -> KernelBatchNorm.statistics(call, strips(call.x())));
      case TrainingOp.BatchScale _ -> KernelWay.of(KernelBatchNorm::scale);
      case TrainingOp.BatchShift _ -> KernelWay.of(KernelBatchNorm::shift);
      case TrainingOp.RunningStatistics _ -> KernelWay.of(KernelBatchNorm::runningStatistics);
      case TrainingOp.RunningMean _ -> KernelWay.of(KernelBatchNorm::runningMean);
      case TrainingOp.RunningVariance r ->
          KernelWay.of(call -> KernelBatchNorm.runningVariance(call, r));
      case TrainingOp.BatchNormGradient _ -> KernelWay.of(KernelBatchNorm::gradient);
      case TrainingOp.BatchStatisticsBackward _ ->
          KernelWay.of(call -> KernelBatchNorm.statisticsBackward(call, strips(call.x())));
      case TrainingOp.ApplyDropout d ->
          KernelWay.of(call -> KernelBackward.dropout(call, strips(call.x()), d));
      case TrainingOp.ReluBackward _ ->
          KernelWay.of(call -> KernelBackward.relu(call, strips(call.x())));
      case TrainingOp.ChannelSums _ ->
          KernelWay.of(
              strips(problem.input(0)).workspace(1),
              call -> KernelBackward.channelSums(call, strips(call.x())));
      case TrainingOp.ScaleShiftBackward _ ->
          KernelWay.of(moments(problem), call -> KernelBackward.scaleShift(call, strips(call.y())));
      case TrainingOp.GlobalAveragePoolBackward _ ->
          KernelWay.of(
              moments(problem), call -> KernelBackward.globalAverage(call, strips(call.y())));
      case TrainingOp.PoolBackward p ->
          KernelWay.of(
              KernelBackward.poolWorkspace(problem, strips(problem.output()), p.pool()),
              call -> KernelBackward.pool(call, strips(call.y()), p));
      case TrainingOp.DropImages d ->
          KernelWay.of(call -> KernelBackward.dropImages(call, strips(call.x()), d));
      case TrainingOp.FlattenBackward _ ->
          KernelWay.of(call -> call.over(call.y(), PLAIN, "flatten_backward"));
      case TrainingOp.SampleBackward _ -> KernelWay.of(KernelBlocks::sampleBackward);
      case TrainingOp.AdaptiveAveragePoolBackward _ ->
          KernelWay.of(KernelBlocks::adaptiveAverageBackward);
      case TrainingOp.LocalResponseNormBackward _ ->
          KernelWay.of(call -> call.over(call.y(), PLAIN, "local_response_norm_backward"));
      case TrainingOp.ActivationBackward b ->
          KernelWay.of(call -> KernelBlocks.activationBackward(call, b));
      case TrainingOp.GateBackward _ -> KernelWay.of(KernelBlocks::gateBackward);
      case TrainingOp.LinearDgrad _ -> KernelWay.of(KernelClassifier::dgrad);
      case TrainingOp.LinearWgrad _ -> KernelWay.of(KernelClassifier::wgrad);
      case TrainingOp.Slice _,
          TrainingOp.Augment _,
          TrainingOp.ConvStatistics _,
          TrainingOp.ConvDgrad _,
          TrainingOp.ConvWgrad _ ->
          throw new IllegalArgumentException("not supported: " + op);
    };
  }

  private long moments(Problem problem) {
    return problem.outputs().size() == 1 ? 0 : strips(problem.output()).workspace(MOMENTS);
  }

  private KernelStrips strips(Operand over) {
    return KernelStrips.of(over, !matrix);
  }
}
