package dev.catena.network;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * From a safetensors file as torchvision's users have it to logits: PyTorch writes the weights,
 * batches of 1 and 3 and non-square images, and what it makes of them in fp32. {@link
 * DenseNetDefinitionTest} compares the tensors of the deeper ones.
 */
@Tag("slow")
class DenseNetOracleTest {
  private static final double TOLERANCE = 1e-4;

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "densenet121,",
    "densenet121, --old-names",
    "densenet161,",
    "densenet-bc-100-12,",
    "densenet-40-12,",
  })
  void agreesWithPyTorch(String name, String option) throws IOException {
    List<String> export = new ArrayList<>(List.of("export", name, folder.toString()));
    if (option != null) {
      export.add(option);
    }
    Oracle.run("densenet_oracle.py", export);
    Logits.assertCasesClose(name, folder, TOLERANCE);
  }
}
