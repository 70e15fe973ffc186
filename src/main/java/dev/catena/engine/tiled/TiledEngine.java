package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Convolutions and pools on the CPU in tiles that stay in a core's cache, made of one register tile
 * of our own ({@code native/host/microkernel.h}). Reads and writes channel views in place.
 *
 * <p>fp32 is accumulated in fp32, the 3x3 of a {@link Op.DenseLayer} in Winograd's form; bf16 is
 * multiplied in pairs where the CPU can, else, like fp16, widened to fp32; gradients always, but in
 * AMX's tiles that by the input. Results do not depend on the number of threads.
 */
public final class TiledEngine implements Engine {
  /** Elements of a padded row of pixels; a strip of several is scratch of each worker. */
  private static final long LONGEST_ROW = 1 << 24;

  private final boolean tiles;
  private static final String IRREGULAR =
      "strides that differ, a dilation, or other padding behind the image than before it";

  private static final String LONG_ROW = "a padded row of more than " + LONGEST_ROW + " elements";

  private TiledEngine(boolean tiles) {
    this.tiles = tiles;
  }

  /** An engine of vectors, for any host device; named {@code tiled}. */
  public static TiledEngine vectors() {
    return new TiledEngine(false);
  }

  /**
   * Products of bfloat16 in AMX's tile registers; named {@code tiled-amx}. Where there are none
   * their twin computes the same, to check it, and does not compete.
   */
  public static TiledEngine tiles() {
    return new TiledEngine(true);
  }

  @Override
  public String name() {
    return tiles ? "tiled-amx" : "tiled";
  }

  @Override
  public Offers offers(Problem problem, Device device) {
    Optional<String> reason =
        unsupported(problem, device)
            .or(() -> tiles ? unsupportedByTiles(problem, device) : Optional.empty());
    if (reason.isPresent()) {
      return new Offers.Refusal(reason.get());
    }
    Offer preferred = offer(name(), problem, form(problem, device), device);
    boolean twoForms = !tiles && isProduct(problem) && TiledCpu.hasTwoForms(problem, device);
    return twoForms
        ? new Offers.Some(
            preferred,
            List.of(
                offer("tiled-fp32", problem, TiledForm.FLOATS, device),
                offer("tiled-pairs", problem, TiledForm.PAIRS, device)))
        : Offers.of(preferred);
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
      case Op.Conv conv when !conv.regular() -> Optional.of(IRREGULAR);
      case Op.Conv conv when !conv.pointwise() && row(problem, 0, conv) > LONGEST_ROW ->
          Optional.of(LONG_ROW);
      case TrainingOp.ConvWgrad wgrad when row(problem, 1, wgrad.conv()) > LONGEST_ROW ->
          Optional.of(LONG_ROW);
      case TrainingOp.ConvDgrad dgrad when !dgrad.conv().regular() -> Optional.of(IRREGULAR);
      case TrainingOp.ConvDgrad _ when problem.input(1).layout() == Layout.PARAMETER ->
          Optional.of(Problem.CONSTANT_FILTERS);
      case TrainingOp.ConvWgrad wgrad when !wgrad.conv().regular() -> Optional.of(IRREGULAR);
      case TrainingOp.ConvDgrad dgrad -> TiledDgrad.unsupported(problem, dgrad);
      case TrainingOp.ConvWgrad _ when problem.input(0).dtype() != problem.input(1).dtype() ->
          Optional.of("gradient and input have different types");
      case Op.Conv _, Op.Linear _, Op.DenseLayer _, Op.Pool _, Op.FromNchw _ -> Optional.empty();
      case TrainingOp.ConvWgrad _ -> Optional.empty();
      default -> Optional.of("neither convolution, pool nor input");
    };
  }

  private static long row(Problem problem, int image, Op.Conv conv) {
    Shape x = problem.input(image).shape();
    return (x.w() + 2L * conv.padW()) * x.c();
  }

  private static Optional<String> unsupportedByTiles(Problem problem, Device device) {
    int groups =
        switch (problem.op()) {
          case Op.Conv conv -> conv.groups();
          case TrainingOp.ConvDgrad dgrad -> dgrad.conv().groups();
          case Op.Linear _, Op.DenseLayer _ -> 1;
          default -> 0;
        };
    if (groups == 0) {
      return Optional.of("no product of bfloat16");
    }
    if (problem.input(0).dtype() != DType.BF16) {
      return Optional.of("products of bfloat16 only");
    }
    if (problem.input(0).shape().c() / groups < TiledConvolution.FEW_CHANNELS) {
      return Optional.of("few channels");
    }
    return device.architectures().getFirst().startsWith("host-x86-64-v")
        ? Optional.empty()
        : Optional.of("x86-64 only");
  }

  private TiledForm form(Problem problem, Device device) {
    if (tiles) {
      return TiledCpu.tiles(device);
    }
    return isProduct(problem)
        ? TiledCpu.vectors(problem.input(0).dtype(), device)
        : TiledForm.FLOATS;
  }

  /** Whether vectors may multiply it in pairs: gradients are sums in fp32. */
  private static boolean isProduct(Problem problem) {
    return problem.op() instanceof Op.Conv
        || problem.op() instanceof Op.Linear
        || problem.op() instanceof Op.DenseLayer;
  }

  private static int taps(Op.Conv conv) {
    return conv.kernelH() * conv.kernelW();
  }

  private static Offer offer(String name, Problem problem, TiledForm form, Device device) {
    Way way = way(problem, form, device);
    return new Offer(
        name,
        form != TiledForm.TWIN,
        way.workspace(),
        binding -> new LaunchWork(way.launches().apply(binding)));
  }

  /** The workspace has trained filters, packed, and partial sums; other scratch is the workers'. */
  private record Way(long workspace, Function<Binding, List<Launch>> launches) {}

  private static Way way(Problem problem, TiledForm form, Device device) {
    return switch (problem.op()) {
      case Op.DenseLayer _ ->
          new Way(0, b -> List.of(TiledDenseLayer.prepare(problem, form, b, device)));
      case Op.Linear _ ->
          pointwise(problem, Op.Conv.of(1, 1, 0).withEpilogue(true, false), form, device);
      case Op.Conv conv when conv.pointwise() -> pointwise(problem, conv, form, device);
      case Op.FromNchw _ -> new Way(0, b -> List.of(TiledLayout.fromNchw(problem, b, device)));
      case Op.Pool pool -> new Way(0, b -> List.of(TiledPool.prepare(problem, pool, b, device)));
      case Op.Conv conv ->
          new Way(
              TiledConvolution.workspace(problem, conv, form),
              b -> TiledConvolution.prepare(problem, conv, form, b, device));
      case TrainingOp.ConvDgrad dgrad ->
          new Way(
              TiledDgrad.workspace(problem, dgrad, form),
              b -> TiledDgrad.prepare(problem, dgrad, form, b, device));
      case TrainingOp.ConvWgrad wgrad -> {
        TiledWgrad gradient = new TiledWgrad(problem, wgrad);
        yield new Way(gradient.workspace(), b -> gradient.prepare(b, device));
      }
      default -> throw new IllegalArgumentException("unsupported: " + problem.op());
    };
  }

  private static Way pointwise(Problem problem, Op.Conv conv, TiledForm form, Device device) {
    return new Way(
        TiledPointwise.workspace(problem, form),
        b -> TiledPointwise.prepare(problem, conv, form, b, device));
  }
}
