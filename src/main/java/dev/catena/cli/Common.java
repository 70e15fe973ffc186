package dev.catena.cli;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.device.Device;
import dev.catena.exec.Inference;
import dev.catena.graph.DType;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Arguments that several commands share. */
final class Common {
  private Common() {}

  /** Which network, in which precision. */
  static final class ModelArguments {
    @Parameters(index = "0", paramLabel = "MODEL", description = "A name that `models` lists.")
    private String name;

    @Option(
        names = "--dtype",
        paramLabel = "fp32|bf16|fp16",
        defaultValue = "fp32",
        description = "Type of activations and filters (default: ${DEFAULT-VALUE}).")
    private DType dtype;

    DType dtype() {
      return dtype;
    }

    Model model() {
      return Models.get(name);
    }

    /** With the weights of {@code file}, or as {@code seed} draws them if there is none. */
    Model model(Optional<Path> file, long seed) throws IOException {
      Model model = model();
      return file.isPresent() ? model.load(SafeTensors.open(file.get())) : model.initialise(seed);
    }
  }

  /** Where it runs, and who computes. */
  static final class DeviceArguments {
    @Option(
        names = "--device",
        paramLabel = "host|cuda:N",
        description = "Default: the first GPU if there is one, else the host.")
    private String device;

    @Option(
        names = "--engine",
        paramLabel = "NAME",
        description = "This engine wherever it can, instead of the fastest; `info` lists them.")
    private String engine;

    @Option(
        names = "--no-tune",
        description = "Take the preferred engine instead of measuring those that compete.")
    private boolean untuned;

    Device open() {
      try {
        return device == null ? Device.open() : Device.open(device);
      } catch (IllegalArgumentException e) {
        throw new UserException("--device " + device + ": " + e.getMessage());
      }
    }

    Inference apply(Inference options) {
      Inference chosen = engine == null ? options : options.engine(engine);
      return untuned ? chosen : chosen.tuned(cacheFolder());
    }
  }

  /** Where measured choices are kept between runs. */
  static Path cacheFolder() {
    String base = System.getenv("XDG_CACHE_HOME");
    Path root =
        base == null || base.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(base);
    return root.resolve("catena");
  }

  /** A batch size from the command line. */
  static int positive(String option, int value) {
    if (value < 1) {
      throw new UserException(option + " must be at least 1, not " + value);
    }
    return value;
  }
}
