package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.google.protobuf.ByteString;
import dev.catena.device.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that were changed at random, always the same ones. {@code -Dcatena.fuzz.mutants=60000
 * -Dcatena.fuzz.seed=2} tries more and others.
 */
@Tag("slow")
class FuzzTest {
  private static final String MUTANTS = System.getProperty("catena.fuzz.mutants", "8000");
  private static final String SEED = System.getProperty("catena.fuzz.seed", "1");

  @TempDir private Path folder;

  @Test
  void mutantsAreReadOrRefused() throws Exception {
    ChildJvm.Result result =
        new ChildJvm("-Xmx96m", "-XX:+UseSerialGC")
            .with(JsonFactory.class)
            .with(ByteString.class)
            .run(Fuzz.class, folder.toString(), MUTANTS, SEED);
    assertEquals(0, result.status(), result::said);
    for (String kind : new String[] {"safetensors", "onnx", "jpeg", "png", "idx", "checkpoint"}) {
      assertTrue(result.said().contains(kind + ": "), result::said);
    }
    try (var left = Files.list(folder)) {
      assertTrue(left.noneMatch(file -> file.getFileName().toString().startsWith("fault")));
    }
  }
}
