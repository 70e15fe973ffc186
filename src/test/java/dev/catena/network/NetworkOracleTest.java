package dev.catena.network;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.device.Device;
import dev.catena.exec.Inference;
import dev.catena.exec.Session;
import dev.catena.io.SafeTensors;
import dev.catena.rewrite.Variant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * From a safetensors file as torchvision's users have it to logits, every variant: PyTorch writes
 * random weights, batches of images, and what it makes of them in fp32.
 */
class NetworkOracleTest {
  private static final double TOLERANCE = 1e-4;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "wide_resnet50_2",
        "vgg11",
        "vgg11_bn",
        "vgg13",
        "vgg13_bn",
        "vgg16",
        "vgg16_bn",
        "vgg19",
        "vgg19_bn",
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
  void agreesWithPyTorch(String name) throws IOException, InterruptedException {
    Oracle.run("networks_oracle.py", List.of("export", name, folder.toString()));
    for (String device : Device.available()) {
      for (int i = 0; Files.exists(file(i)); i++) {
        for (Variant variant : Variant.values()) {
          check(device, name, variant, file(i));
        }
      }
    }
  }

  private Path file(int index) {
    return folder.resolve("case-" + index + ".safetensors");
  }

  private void check(String deviceId, String name, Variant variant, Path file) throws IOException {
    Path weights = folder.resolve(name + ".safetensors");
    try (SafeTensors golden = SafeTensors.open(file)) {
      long[] shape = golden.tensor("input").shape();
      Inference options =
          Inference.batch((int) shape[0]).image((int) shape[2], (int) shape[3]).variant(variant);
      try (Device device = Device.open(deviceId);
          Model model = Models.get(name).load(SafeTensors.open(weights));
          Session session = model.compile(device, options)) {
        Logits.assertClose(
            golden.floats("output"),
            Logits.run(session, golden.floats("input")),
            TOLERANCE,
            "%s, %s, %s, %s".formatted(name, deviceId, variant.label(), file.getFileName()));
      }
    }
  }
}
