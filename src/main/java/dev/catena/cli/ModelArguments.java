package dev.catena.cli;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.graph.DType;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Which network, in which precision. */
final class ModelArguments {
  private static final String ONNX = ".onnx";
  private static final Pattern WEIGHTS =
      Pattern.compile(".*\\.(?:safetensors|pth|pt|bin|ckpt)", Pattern.CASE_INSENSITIVE);

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "A name that `models` lists, or an ONNX file.")
  private String name;

  @Option(
      names = "--dtype",
      paramLabel = "fp32|bf16|fp16",
      defaultValue = "fp32",
      description = "Type of activations and filters (default: ${DEFAULT-VALUE}).")
  private DType dtype;

  @Option(
      names = "--size",
      paramLabel = "HxW",
      converter = Size.Converter.class,
      description = "Height and width of images: another size than the model's, or an open one.")
  private Size size;

  @Option(
      names = "--output-name",
      paramLabel = "NAME",
      description = "Run an ONNX model for this value instead of its first output.")
  private String outputName;

  @Option(
      names = "--classes",
      paramLabel = "N",
      converter = Choices.AtLeastOne.class,
      description = "Classes to tell apart, by a classifier of its own, instead of the model's.")
  private Integer classes;

  /** Height and width in pixels. */
  record Size(int height, int width) {
    /** From 224x224. */
    static final class Converter implements ITypeConverter<Size> {
      @Override
      public Size convert(String text) {
        Matcher given = Pattern.compile("([1-9]\\d{0,5})x([1-9]\\d{0,5})").matcher(text);
        if (!given.matches()) {
          throw new TypeConversionException("'" + text + "' is not a size such as 224x224");
        }
        return new Size(Integer.parseInt(given.group(1)), Integer.parseInt(given.group(2)));
      }
    }
  }

  DType dtype() {
    return dtype;
  }

  Model model() throws IOException {
    if (outputName != null && !isOnnx(name)) {
      throw new UserException("--output-name is for ONNX models, and " + name + " is none");
    }
    Model model = outputName == null ? named(name) : Models.onnx(Path.of(name), outputName);
    if (classes != null) {
      model = model.classes(classes);
    }
    return size == null ? model : model.sized(size.height, size.width);
  }

  /** The network of a name, or of an ONNX file. */
  static Model named(String name) throws IOException {
    if (WEIGHTS.matcher(name).matches()) {
      SafeTensors.open(Path.of(name)).close(); // what is none of these says how to make it one
      throw new UserException(
          name + " has weights but no network; give the network's name, and --weights " + name);
    }
    return isOnnx(name) ? Models.onnx(Path.of(name)) : Models.get(name);
  }

  private static boolean isOnnx(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(ONNX);
  }

  /**
   * With the weights of {@code file}; an ONNX model with its own, another one as {@code seed} draws
   * them if there is none.
   *
   * @param optional parameters that are drawn where the file does not have them
   */
  Model model(Optional<Path> file, long seed, String... optional) throws IOException {
    Model model = isOnnx(name) ? model() : model().initialise(seed);
    return file.isPresent() ? model.load(file.get(), optional) : model;
  }

  /** With the weights of {@code file}, which only an ONNX model can do without. */
  Model modelWithWeights(Optional<Path> file) throws IOException {
    if (file.isEmpty() && !isOnnx(name)) {
      throw new UserException(name + " has no weights of its own; give --weights FILE.safetensors");
    }
    return model(file, 0);
  }
}
