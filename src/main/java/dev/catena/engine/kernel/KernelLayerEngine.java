package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.Op;
import java.util.List;
import java.util.Optional;

/** Dense layers on one variant of {@code dense_layer.cu}, named like its kernel. */
record KernelLayerEngine(KernelDenseLayer.Variant variant) implements Engine {
  /** Rows of bottleneck for each that is needed, from which on two launches are faster anyway. */
  private static final double HOPELESS = 3;

  /** Every variant. To check them. */
  static List<Engine> all() {
    return KernelDenseLayer.VARIANTS.stream().<Engine>map(KernelLayerEngine::new).toList();
  }

  /** Those that may be the fastest: the narrowest that take the layer, unless all is in vain. */
  static List<Engine> candidates(Problem problem, KernelLimits limits) {
    int narrowest =
        KernelDenseLayer.VARIANTS.stream()
            .filter(v -> KernelDenseLayer.takes(v, problem))
            .mapToInt(KernelDenseLayer.Variant::bottleneck)
            .min()
            .orElse(0);
    return KernelDenseLayer.VARIANTS.stream()
        .filter(v -> v.bottleneck() == narrowest)
        .flatMap(v -> KernelDenseLayer.cut(problem, limits, List.of(v)).stream())
        .filter(cut -> cut.excess(problem.output().shape()) < HOPELESS)
        .<Engine>map(cut -> new KernelLayerEngine(cut.variant()))
        .toList();
  }

  @Override
  public String name() {
    return variant.kernel();
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    if (!(problem.op() instanceof Op.DenseLayer)) {
      return Optional.of("is for dense layers");
    }
    Optional<String> reason = KernelDenseLayer.unsupported(problem, device);
    return reason.isPresent() || cut(problem, device).isPresent()
        ? reason
        : Optional.of("too many channels or pixels for the tile");
  }

  private Optional<KernelDenseLayer> cut(Problem problem, Device device) {
    return KernelDenseLayer.cut(problem, new KernelLimits(device), List.of(variant));
  }

  @Override
  public long workspace(Problem problem, Device device) {
    return 0;
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    KernelCall call = new KernelCall(problem, binding, device);
    return new LaunchWork(List.of(cut(problem, device).orElseThrow().launch(call)));
  }
}
