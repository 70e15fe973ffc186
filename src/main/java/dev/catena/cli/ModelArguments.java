package dev.catena.cli;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.graph.DType;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which network, in which precision. */
final class ModelArguments {
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
