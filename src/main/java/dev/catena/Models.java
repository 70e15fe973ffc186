package dev.catena;

import dev.catena.error.MissingLibraryException;
import dev.catena.error.UnknownModelException;
import dev.catena.graph.Network;
import dev.catena.model.Catalogue;
import dev.catena.onnx.OnnxModel;
import java.io.IOException;
import java.nio.file.Path;

/** The catalogue's networks as models. */
public final class Models {
  private static final long SEED = 0;

  private Models() {}

  /**
   * The model of that name with initial weights drawn from seed 0.
   *
   * @throws UnknownModelException naming the nearest if there is none
   */
  public static Model get(String name) {
    return of(
        Catalogue.find(name)
            .orElseThrow(() -> new UnknownModelException(name, Catalogue.nearest(name))));
  }

  /**
   * A user's own model, with its weights. Needs {@code com.google.protobuf:protobuf-java}.
   *
   * @throws MissingLibraryException if protobuf is not there
   * @throws dev.catena.error.ModelFormatException if it is no ONNX model, or naming all of its
   *     operators that Catena does not have
   * @throws IOException if the file cannot be read
   */
  public static Model onnx(Path file) throws IOException {
    return onnx(() -> OnnxModel.open(file));
  }

  /**
   * The same, run for another value than the file's first output.
   *
   * @param output the name of any operator's output
   */
  public static Model onnx(Path file, String output) throws IOException {
    return onnx(() -> OnnxModel.open(file, output));
  }

  private interface Opening {
    OnnxModel model() throws IOException;
  }

  private static Model onnx(Opening opening) throws IOException {
    try {
      return of(opening.model());
    } catch (NoClassDefFoundError e) {
      if (String.valueOf(e.getMessage()).contains("com/google/protobuf")) {
        throw new MissingLibraryException(
            "ONNX files are read with com.google.protobuf:protobuf-java, which is not there: add it"
                + " to the class path, or to the module path with"
                + " --add-modules=com.google.protobuf",
            e);
      }
      throw e;
    }
  }

  private static Model of(OnnxModel model) {
    return of((Network) model).with(parameter -> model.values(parameter.name()));
  }

  /** A model of a network of the user's own, with initial weights drawn from seed 0. */
  public static Model of(Network network) {
    return new Model(network, Parameters.initial(SEED), () -> {});
  }
}
