package dev.catena.cli;

import dev.catena.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A model for other tools. */
@Command(
    name = "export",
    description = "Writes the model, with its weights, as an ONNX file for any batch.",
    mixinStandardHelpOptions = true)
final class Export implements Callable<Integer> {
  @Mixin private ModelArguments arguments;
  @Mixin private Output output;

  @Option(
      names = "--onnx",
      required = true,
      paramLabel = "FILE.onnx",
      description = "Where to; replaced if it is there.")
  private OutputFile file;

  @Option(names = "--weights", paramLabel = "FILE", description = "Weights, safetensors.")
  private Optional<Path> weights;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Draws weights without a file (default: ${DEFAULT-VALUE}).")
  private long seed;

  private record Exported(String model, Path file) {}

  @Override
  public Integer call() throws IOException {
    Path path = file.requireOrdinary("--onnx");
    try (Model model = arguments.model(weights, seed)) {
      model.exportOnnx(path);
      output.result("wrote " + path + "\n", new Exported(model.name(), path));
    }
    return 0;
  }
}
