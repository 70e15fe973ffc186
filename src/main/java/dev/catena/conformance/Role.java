package dev.catena.conformance;

import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;

/** What an input means, and so which numbers it may have. */
enum Role {
  ACTIVATION,
  FILTERS,
  SCALE,
  SHIFT,
  BIAS,
  /** Means, then variances. */
  STATISTICS,
  /** Numbers of classes. */
  LABELS,
  /** The halves of a seed and of a step. */
  RANDOM;

  /** The role of the input at {@code index}. */
  static Role of(Problem problem, int index) {
    return switch (problem.op()) {
      case TrainingOp.ConvStatistics c ->
          of(new Problem(c.conv(), problem.inputs(), problem.output()), index);
      case TrainingOp op -> of(op, index);
      case Op.Add _, Op.Concat _, Op.ScaleChannels _ -> ACTIVATION;
      case Op.Shortcut _ -> prologue(index, 2);
      case Op _ when index == 0 -> ACTIVATION;
      case Op.Conv c when c.residual() && index == c.residualIndex() -> ACTIVATION;
      case Op _ when problem.input(index).shape().rank() > 1 -> FILTERS;
      case Op.Conv c -> c.bias() && index == c.biasIndex() ? BIAS : prologue(index, 2);
      case Op.Linear _ -> BIAS;
      default -> prologue(index, 1);
    };
  }

  private static Role of(TrainingOp op, int index) {
    return switch (op) {
      case TrainingOp.SoftmaxCrossEntropy _ -> index == 1 ? LABELS : ACTIVATION;
      case TrainingOp.SoftmaxCrossEntropyBackward _ ->
          index == 1 ? LABELS : index == 2 ? SCALE : ACTIVATION;
      case TrainingOp.BatchScale _, TrainingOp.RunningVariance _ -> index == 0 ? SCALE : STATISTICS;
      case TrainingOp.RunningMean _ -> index == 0 ? BIAS : STATISTICS;
      case TrainingOp.BatchShift _ -> index == 0 ? BIAS : index == 1 ? STATISTICS : SCALE;
      case TrainingOp.ApplyDropout _, TrainingOp.DropImages _, TrainingOp.Augment _ ->
          index == 1 ? RANDOM : ACTIVATION;
      case TrainingOp.LinearDgrad _ -> index == 1 ? FILTERS : ACTIVATION;
      case TrainingOp.ScaleShiftBackward _ -> backward(Op.Prologue.SCALE_SHIFT, index, 2);
      case TrainingOp.ConvDgrad d -> index == 1 ? FILTERS : backward(d.conv().prologue(), index, 3);
      case TrainingOp.ConvWgrad w -> backward(w.conv().prologue(), index, 2);
      case TrainingOp.PoolBackward p -> backward(p.pool().prologue(), index, 2);
      case TrainingOp.GlobalAveragePoolBackward p -> backward(p.prologue(), index, 2);
      case TrainingOp.BatchNormGradient _ ->
          index == 0 ? SCALE : index == 1 ? STATISTICS : ACTIVATION;
      case TrainingOp.BatchStatisticsBackward _ -> index == 1 ? STATISTICS : ACTIVATION;
      default -> ACTIVATION;
    };
  }

  private static Role backward(Op.Prologue prologue, int index, int scale) {
    return prologue == Op.Prologue.NONE || index == scale + 3 ? ACTIVATION : prologue(index, scale);
  }

  /** Of x, s, t and the statistics or, forward, a bias; s is at {@code scale}. */
  private static Role prologue(int index, int scale) {
    return switch (index - scale) {
      case 0 -> SCALE;
      case 1 -> SHIFT;
      case 2 -> STATISTICS;
      default -> index < scale ? ACTIVATION : BIAS;
    };
  }
}
