package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Convolutions and pools on the CPU in tiles that stay in a core's cache, made of one register tile
 * of our own ({@code native/host/microkernel.h}). Reads and writes channel views in place.
 *
 * <p>fp32 is accumulated in fp32, the 3x3 of a {@link Op.DenseLayer} in Winograd's form; bf16 is
 * multiplied in pairs where the CPU can, else, like fp16, widened to fp32; gradients are always.
 * Results do not depend on the number of threads.
 */
public final class TiledEngine implements Engine {
  private static final String NAME = "tiled";

  /** An engine for any host device. */
  public TiledEngine() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Offers offers(Problem problem, Device device) {
    Optional<String> reason = unsupported(problem, device);
    return reason.isPresent() ? new Offers.Refusal(reason.get()) : offer(problem, device);
  }

  private static Optional<String> unsupported(Problem problem, Device device) {
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

  /** The workspace has trained filters, packed, and partial sums; other scratch is the workers'. */
  private static Offers offer(Problem problem, Device device) {
    return switch (problem.op()) {
      case Op.DenseLayer _ -> offer(0, b -> List.of(TiledDenseLayer.prepare(problem, b, device)));
      case Op.Linear _ -> pointwise(problem, Op.Conv.of(1, 1, 0).withEpilogue(true, false), device);
      case Op.Conv conv when conv.pointwise() -> pointwise(problem, conv, device);
      case Op.FromNchw _ -> offer(0, b -> List.of(TiledLayout.fromNchw(problem, b, device)));
      case Op.Pool pool -> offer(0, b -> List.of(TiledPool.prepare(problem, pool, b, device)));
      case Op.Conv conv ->
          offer(
              TiledConvolution.workspace(problem, conv, device),
              b -> TiledConvolution.prepare(problem, conv, b, device));
      case TrainingOp.ConvDgrad dgrad ->
          offer(
              TiledDgrad.workspace(problem, dgrad),
              b -> TiledDgrad.prepare(problem, dgrad, b, device));
      case TrainingOp.ConvWgrad wgrad -> {
        TiledWgrad gradient = new TiledWgrad(problem, wgrad);
        yield offer(gradient.workspace(), b -> gradient.prepare(b, device));
      }
      default -> throw new IllegalArgumentException("unsupported: " + problem.op());
    };
  }

  private static Offers pointwise(Problem problem, Op.Conv conv, Device device) {
    return offer(
        TiledPointwise.workspace(problem, device),
        b -> TiledPointwise.prepare(problem, conv, b, device));
  }

  private static Offers offer(long workspace, Function<Binding, List<Launch>> launches) {
    return Offers.of(new Offer(NAME, workspace, b -> new LaunchWork(launches.apply(b))));
  }
}
