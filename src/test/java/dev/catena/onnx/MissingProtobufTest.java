package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.Models;
import dev.catena.device.ChildJvm;
import dev.catena.error.CatenaException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MissingProtobufTest {
  @TempDir private Path folder;

  /** Opens a model. */
  static final class Open {
    private Open() {}

    public static void main(String[] args) throws IOException {
      try (var model = Models.onnx(Path.of(args[0]))) {
        System.out.println(model.network().name());
      } catch (CatenaException e) {
        System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
      }
    }
  }

  @Test
  void theArtifactIsNamed() throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), new byte[] {8, 8});
    String said =
        new ChildJvm().with(JsonFactory.class).run(Open.class, file.toString()).said().strip();
    assertTrue(
        said.startsWith(
            "MissingLibraryException: ONNX files are read with"
                + " com.google.protobuf:protobuf-java, which is not there: add it"),
        said);
    assertTrue(said.endsWith("--add-modules=com.google.protobuf"), said);
  }
}
