package dev.catena.network;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * From a safetensors file as torchvision's users have it to logits: PyTorch writes random weights,
 * batches of images, and what it makes of them in fp32. Networks that differ in their depth alone
 * stand for each other: {@link NetworkDefinitionTest} compares the tensors of all.
 */
@Tag("slow")
class NetworkOracleTest {
  private static final double TOLERANCE = 1e-4;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet18",
        "resnet50",
        "wide_resnet50_2",
        "vgg11",
        "vgg11_bn",
        "alexnet",
        "alexnet-original",
        "googlenet",
        "resnet-110",
        "preresnet-110",
        "preresnet-164",
        "wrn-16-8",
        "pyramidnet-110-a84",
        "se-resnet50",
        "se-resnet-110",
      })
  void agreesWithPyTorch(String name) throws IOException {
    Oracle.run("networks_oracle.py", List.of("export", name, folder.toString()));
    Logits.assertCasesClose(name, folder, TOLERANCE);
  }
}
