package dev.catena.network;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * ONNX both ways: models that PyTorch exports give what ONNX Runtime makes of them, and ONNX
 * Runtime makes of our exports what we do.
 */
@Tag("slow")
class OnnxOracleTest {
  private static final double TOLERANCE = 1e-4;
  private static final int BATCH = 2;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "densenet121",
        "resnet50",
        "vgg16_bn",
        "alexnet",
        "googlenet",
        "resnet-20",
        "wrn-16-4",
        "pyramidnet-110-a48",
        "se-resnet-20",
      })
  void whatPyTorchExports(String name) throws IOException {
    Oracle.run("onnx_oracle.py", List.of("export", name, folder.toString()));
    try (SafeTensors golden = SafeTensors.open(folder.resolve(name + ".safetensors"));
        Device device = Device.open("host");
        Model model = Models.onnx(folder.resolve(name + ".onnx"))) {
      for (Variant variant : Variant.values()) {
        try (Session session = model.compile(device, Inference.batch(BATCH).variant(variant))) {
          Logits.assertClose(
              golden.floats("output"),
              Logits.run(session, golden.floats("input")),
              TOLERANCE,
              name + ", " + variant.label());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "densenet121",
        "densenet-bc-100-12",
        "resnet18",
        "resnet50",
        "wide_resnet50_2",
        "resnet-20",
        "resnet-110-depth",
        "preresnet-110",
        "preresnet-164",
        "wrn-16-4",
        "pyramidnet-110-a48",
        "pyramidnet-bottleneck-164-a270",
        "se-resnet-20",
        "se-resnet50",
        "alexnet",
        "alexnet-original",
        "vgg11_bn",
        "googlenet",
      })
  void whatWeExport(String name) throws IOException {
    Path file = folder.resolve(name + ".onnx");
    Path batch = folder.resolve("case.safetensors");
    try (Device device = Device.open("host");
        Model model = Models.get(name).initialise(3);
        Session session = model.compile(device, Inference.batch(BATCH))) {
      float[] images = images(session);
      int size = model.network().imageSize();
      new SafeTensorsWriter()
          .add("input", DType.FP32, new long[] {BATCH, 3, size, size}, images)
          .write(batch);
      model.exportOnnx(file);
      Oracle.run("onnx_oracle.py", List.of("run", file.toString(), batch.toString()));
      try (SafeTensors made = SafeTensors.open(folder.resolve("case.safetensors.out"));
          Model read = Models.onnx(file);
          Session again = read.compile(device, Inference.batch(BATCH))) {
        float[] ours = Logits.run(session, images);
        Logits.assertClose(made.floats("output"), ours, TOLERANCE, name + " in ONNX Runtime");
        Logits.assertClose(ours, Logits.run(again, images), TOLERANCE, name + " read again");
      }
    }
  }

  private static float[] images(Session session) {
    SplittableRandom random = new SplittableRandom(5);
    float[] images = new float[BATCH * session.imageSize()];
    for (int i = 0; i < images.length; i++) {
      images[i] = (float) (2 * random.nextDouble() - 1);
    }
    return images;
  }
}
