package dev.catena.engine.registry;

import dev.catena.device.Device;
import dev.catena.device.Environment;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.engine.Engine;
import dev.catena.engine.Engines;
import dev.catena.engine.GradientInSteps;
import dev.catena.engine.Tuner;
import dev.catena.engine.TuningCache;
import dev.catena.engine.cublaslt.CublasLtMatmul;
import dev.catena.engine.cudnn.CudnnConvolution;
import dev.catena.engine.kernel.KernelEngine;
import dev.catena.engine.onednn.OneDnnEngine;
import dev.catena.engine.tiled.TiledEngine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The engines that there are, in order of preference. */
public final class EngineRegistry {
  /** Scratch memory in bytes that a library's engine should keep to. */
  private static final long LIBRARY_WORKSPACE = 32L << 20;

  private EngineRegistry() {}

  /**
   * All engines that {@code device} has.
   *
   * @param forced the name of the one that does whatever it supports
   * @param tuning folder of the tuner's choices; empty: no measuring. Nor is an interpreter
   *     measured, whose times say nothing about a GPU.
   */
  public static Engines on(Device device, Optional<String> forced, Optional<Path> tuning) {
    Optional<Tuner> tuner =
        tuning
            .filter(_ -> !device.isInterpreted())
            .map(folder -> new Tuner(device, TuningCache.open(folder, environment(device))));
    return new Engines(device, inventory(device, tuning), forced, tuner);
  }

  private static List<Engine> inventory(Device device, Optional<Path> plans) {
    List<Engine> engines = new ArrayList<>();
    if (device.kind() == Device.Kind.HOST) {
      engines.add(TiledEngine.tiles());
      engines.add(TiledEngine.vectors());
      engines.add(new OneDnnEngine());
    }
    engines.add(KernelEngine.matrix());
    engines.add(KernelEngine.direct());
    if (device.kind() == Device.Kind.CUDA) {
      boolean cudnn = mayUse(NativeLibrary.CUDNN, device);
      Engine convolutions = new CudnnConvolution(LIBRARY_WORKSPACE, plans);
      if (cudnn) {
        engines.add(convolutions);
      }
      if (mayUse(NativeLibrary.CUBLASLT, device)) {
        engines.add(new CublasLtMatmul(LIBRARY_WORKSPACE));
      }
      if (cudnn) {
        engines.add(new GradientInSteps(convolutions, KernelEngine.matrix(), LIBRARY_WORKSPACE));
      }
    }
    return engines;
  }

  /** NVIDIA's own libraries need a GPU; over the interpreter only a stand-in for one works. */
  private static boolean mayUse(NativeLibrary library, Device device) {
    return !device.isInterpreted()
        || NativeLibraries.find(library) instanceof NativeLibrary.Found found && found.isStandIn();
  }

  /** Everything that decides which engine is the fastest. */
  private static String environment(Device device) {
    Environment found = Environment.inspect();
    String versions =
        found.libraries().stream()
            .filter(l -> l.found() && !Set.of("nvtx", "cuptx").contains(l.name())) // no speed
            .map(l -> l.name() + "-" + l.version().orElseThrow())
            .collect(Collectors.joining("-"));
    return String.join("-", device.name(), device.threads() + "t", versions, found.kernelHash());
  }
}
