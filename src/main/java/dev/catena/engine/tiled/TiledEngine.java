package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;

/**
 * Convolutions and pools on the CPU in tiles that stay in a core's cache, made of one register tile
 * of our own ({@code native/host/microkernel.h}). Reads and writes channel views in place.
 *
 * <p>fp32 is accumulated in fp32, the 3x3 of a {@link Op.DenseLayer} in Winograd's form; bf16 is
 * multiplied in pairs where the CPU can, else, like fp16, widened to fp32; gradients are always.
 * Results do not depend on the number of threads.
 */
public final class TiledEngine implements Engine {
  /** An engine for any host device. */
  public TiledEngine() {}

  @Override
  public String name() {
    return "tiled";
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    if (device.kind() != Device.Kind.HOST) {
      return Optional.of("tiled kernels run on the host only");
    }
    return switch (problem.op()) {
      case Op.DenseLayer _ when problem.trains() ->
          Optional.of("a dense layer's filters are packed before the first batch");
      case Op.Conv _, Op.Linear _, Op.DenseLayer _, Op.Pool _, TrainingOp.ConvDgrad _
          when problem.input(0).dtype() != problem.output().dtype() ->
          Optional.of("input and output have different types");
      case Op.Conv conv when taps(conv) > TiledConvolution.MOST_TAPS ->
          Optional.of("a kernel of more than " + TiledConvolution.MOST_TAPS + " positions");
      case TrainingOp.ConvDgrad dgrad -> TiledDgrad.unsupported(problem, dgrad);
      case TrainingOp.ConvWgrad _ when problem.input(0).dtype() != problem.input(1).dtype() ->
          Optional.of("gradient and input have different types");
      case Op.Conv _, Op.Linear _, Op.DenseLayer _, Op.Pool _, Op.FromNchw _ -> Optional.empty();
      case TrainingOp.ConvWgrad _ -> Optional.empty();
      default -> Optional.of("neither convolution, pool nor input");
    };
  }

  private static int taps(Op.Conv conv) {
    return conv.kernelH() * conv.kernelW();
  }

  /** Trained filters, packed, and partial sums; other scratch belongs to the workers. */
  @Override
  public long workspace(Problem problem, Device device) {
    return switch (problem.op()) {
      case Op.Linear _ -> TiledPointwise.workspace(problem, device);
      case Op.Conv conv when conv.pointwise() -> TiledPointwise.workspace(problem, device);
      case Op.Conv conv -> TiledConvolution.workspace(problem, conv, device);
      case TrainingOp.ConvDgrad dgrad -> TiledDgrad.workspace(problem, dgrad);
      case TrainingOp.ConvWgrad wgrad -> new TiledWgrad(problem, wgrad).workspace();
      default -> 0;
    };
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    return new LaunchWork(
        switch (problem.op()) {
          case Op.DenseLayer _ -> List.of(TiledDenseLayer.prepare(problem, binding, device));
          case Op.Linear _ ->
              TiledPointwise.prepare(
                  problem, Op.Conv.of(1, 1, 0).withEpilogue(true, false), binding, device);
          case Op.Conv conv when conv.pointwise() ->
              TiledPointwise.prepare(problem, conv, binding, device);
          case Op.FromNchw _ -> List.of(TiledLayout.fromNchw(problem, binding, device));
          case Op.Pool pool -> List.of(TiledPool.prepare(problem, pool, binding, device));
          case Op.Conv conv -> TiledConvolution.prepare(problem, conv, binding, device);
          case TrainingOp.ConvDgrad dgrad -> TiledDgrad.prepare(problem, dgrad, binding, device);
          case TrainingOp.ConvWgrad wgrad ->
              new TiledWgrad(problem, wgrad).prepare(binding, device);
          default -> throw new IllegalArgumentException("unsupported: " + problem.op());
        });
  }
}
