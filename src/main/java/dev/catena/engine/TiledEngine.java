package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.device.Stream;
import dev.catena.graph.Op;
import java.util.Optional;

/**
 * Convolutions and pools on the CPU in tiles that stay in a core's cache, made of one register tile
 * of our own ({@code native/host/microkernel.h}). Reads and writes channel views in place.
 *
 * <p>fp32 is accumulated in fp32, the 3x3 of a {@link Op.DenseLayer} in Winograd's form; bf16 is
 * multiplied in pairs where the CPU can, else, like fp16, widened to fp32. Results do not depend on
 * the number of threads.
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
    if (problem.trains()) {
      return Optional.of("filters and vectors are packed before the first batch");
    }
    return switch (problem.op()) {
      case Op.Conv _, Op.Linear _, Op.DenseLayer _, Op.Pool _
          when problem.input(0).dtype() != problem.output().dtype() ->
          Optional.of("input and output have different types");
      case Op.Conv conv when taps(conv) > TiledConvolution.MOST_TAPS ->
          Optional.of("a kernel of more than " + TiledConvolution.MOST_TAPS + " positions");
      case Op.Conv _, Op.Linear _, Op.DenseLayer _, Op.Pool _, Op.FromNchw _ -> Optional.empty();
      default -> Optional.of("neither convolution, pool nor input");
    };
  }

  private static int taps(Op.Conv conv) {
    return conv.kernelH() * conv.kernelW();
  }

  /** None: scratch belongs to the workers. */
  @Override
  public long workspace(Problem problem, Device device) {
    return 0;
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    return new OneLaunch(
        switch (problem.op()) {
          case Op.DenseLayer _ -> TiledDenseLayer.prepare(problem, binding, device);
          case Op.Linear _ ->
              TiledPointwise.prepare(
                  problem, Op.Conv.of(1, 1, 0).withEpilogue(true, false), binding, device);
          case Op.Conv conv when conv.pointwise() ->
              TiledPointwise.prepare(problem, conv, binding, device);
          case Op.FromNchw _ -> TiledLayout.fromNchw(problem, binding, device);
          case Op.Pool pool -> TiledPool.prepare(problem, pool, binding, device);
          case Op.Conv conv -> TiledConvolution.prepare(problem, conv, binding, device);
          default -> throw new IllegalArgumentException("unsupported: " + problem.op());
        });
  }

  private record OneLaunch(Launch launch) implements Work {
    @Override
    public void enqueue(Stream stream) {
      launch.enqueue(stream);
    }

    @Override
    public int launches() {
      return 1;
    }

    @Override
    public void close() {}
  }
}
