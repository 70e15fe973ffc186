package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.device.Environment;
import dev.catena.device.HostDevice;
import dev.catena.engine.Engine;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.graph.DType;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The device and the engines of a command. */
final class DeviceArguments {
  private static final Pattern RANGE = Pattern.compile("cuda:(\\d{1,3})-(\\d{1,3})");

  @Option(
      names = "--device",
      paramLabel = "host|cuda:N|ptx:N",
      description =
          "Default: the first GPU if there is one, else the host. ptx:90 interprets on the CPU what"
              + " a GPU of compute capability 9.0 would run: slow, for checks. `train` takes several,"
              + " as host,host or cuda:0-7, and splits each batch among them.")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      converter = Choices.AtLeastOne.class,
      description =
          "Threads that run kernels on the host (default: $$CATENA_THREADS, else the cores and quotas"
              + " of the process).")
  private Integer threads;

  @Option(
      names = "--engine",
      paramLabel = "NAME",
      description = "This engine wherever it can, instead of the fastest; `info` lists them.")
  private String engine;

  @Option(
      names = "--no-tune",
      description =
          "Take the preferred engine instead of measuring those that compete, whose results differ"
              + " in their last bits.")
  private boolean untuned;

  @Option(
      names = "--tf32",
      description = "Let tensor cores round the factors of fp32 products to ten bits of mantissa.")
  private boolean tf32;

  /**
   * True if products in {@code dtype} may be of factors rounded to TF32; only those of fp32 may.
   */
  boolean tf32(DType dtype) {
    return tf32 && dtype == DType.FP32;
  }

  /** The type in which products are computed, for people. */
  String precision(DType dtype) {
    return Choices.label(dtype) + (tf32(dtype) ? " with TF32" : "");
  }

  /** The devices named, in the order of the ranks; null for the default one. */
  List<String> names() {
    if (device == null) {
      return Collections.singletonList(null);
    }
    return Arrays.stream(device.split(",", -1)).flatMap(DeviceArguments::range).toList();
  }

  /** {@code cuda:0-3} is {@code cuda:0} to {@code cuda:3}. */
  private static Stream<String> range(String name) {
    Matcher several = RANGE.matcher(name);
    if (!several.matches()) {
      return Stream.of(name);
    }
    int first = Integer.parseInt(several.group(1));
    int last = Integer.parseInt(several.group(2));
    if (last < first) {
      throw new UserException(
          "--device %s: there is none from %d to %d".formatted(name, first, last));
    }
    return IntStream.rangeClosed(first, last).mapToObj(i -> "cuda:" + i);
  }

  /** The device, which is known to have the engine. */
  Device open() {
    List<String> all = names();
    if (all.size() > 1) {
      throw new UserException("--device %s: only `train` takes several".formatted(device));
    }
    return open(all.getFirst());
  }

  /** The same for one of {@link #names}. */
  Device open(@Nullable String name) {
    Device opened = openDevice(name);
    try {
      if (threads != null) {
        setThreads(opened);
      }
      requireEngine(opened);
      return opened;
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  private static Device openDevice(@Nullable String name) {
    try {
      return name == null ? Device.open() : Device.open(name);
    } catch (IllegalArgumentException e) {
      throw new UserException("--device " + name + ": " + e.getMessage());
    }
  }

  private void setThreads(Device on) {
    if (on.threads() == 0) {
      throw new UserException("--threads is for the host, not for " + on.id());
    }
    try {
      HostDevice.of(on).setThreads(threads);
    } catch (IllegalArgumentException e) {
      throw new UserException("--threads: " + e.getMessage());
    }
  }

  private void requireEngine(Device on) {
    if (engine == null) {
      return;
    }
    List<Engine> all = EngineRegistry.on(on, Optional.empty(), Optional.empty()).all();
    Engine wanted =
        all.stream()
            .filter(e -> e.name().equals(engine))
            .findFirst()
            .orElseThrow(
                () ->
                    new UserException(
                        "--engine %s: %s has no such engine, only %s"
                            .formatted(
                                engine,
                                on.id(),
                                String.join(", ", all.stream().map(Engine::name).toList()))));
    wanted
        .absent()
        .ifPresent(
            why -> {
              throw new UserException("--engine " + engine + ": " + why);
            });
  }

  /** As {@code --no-tune}: there is nothing to be measured. */
  void preferUntuned() {
    untuned = true;
  }

  Inference apply(Inference options) {
    Inference allowed = options.tf32(tf32);
    Inference chosen = engine == null ? allowed : allowed.engine(engine);
    return untuned ? chosen : chosen.tuned(Environment.cacheFolder());
  }

  Training apply(Training options) {
    Training allowed = options.tf32(tf32);
    Training chosen = engine == null ? allowed : allowed.engine(engine);
    return untuned ? chosen : chosen.tuned(Environment.cacheFolder());
  }
}
