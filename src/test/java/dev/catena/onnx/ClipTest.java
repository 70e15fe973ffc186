package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clips as exporters write them, with the outputs of ONNX Runtime; and the same exported again. */
class ClipTest {
  private static final int BATCH = 2;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"clip-hi-only", "clip-lo0-only", "clip-lo0-scalar", "relu6-clip-opset11attrnone"})
  void isWhatOnnxRuntimeMakes(String name) throws IOException, URISyntaxException {
    Path files = Path.of(ClipTest.class.getResource("clip/" + name).toURI());
    try (SafeTensors x = SafeTensors.open(files.resolve("x.safetensors"));
        SafeTensors expected = SafeTensors.open(files.resolve("expected.safetensors"))) {
      for (Variant variant : Variant.values()) {
        float[] made = run(files.resolve("m.onnx"), x.floats("input"), variant);
        assertArrayEquals(expected.floats("output"), made, 1e-4f, variant.label());
      }
      OnnxModel model = OnnxModel.open(files.resolve("m.onnx"));
      boolean relu = name.startsWith("clip-lo0");
      assertTrue(
          model.graph(BATCH, DType.FP32).nodes().stream()
              .anyMatch(n -> relu ? n.op() instanceof Op.Relu : n.op() instanceof Op.Clip));
      Path again = folder.resolve("again.onnx");
      OnnxWriter.write(model.graph(1, DType.FP32), p -> model.values(p.name()), again);
      assertArrayEquals(
          run(files.resolve("m.onnx"), x.floats("input"), Variant.UNFUSED),
          run(again, x.floats("input"), Variant.UNFUSED));
    }
  }

  private static float[] run(Path file, float[] images, Variant variant) throws IOException {
    try (Device device = Device.open("host");
        Model model = Models.onnx(file);
        Session session = model.compile(device, Inference.batch(BATCH).variant(variant))) {
      float[] made = new float[BATCH * session.resultSize()];
      session.run(MemorySegment.ofArray(images), MemorySegment.ofArray(made));
      return made;
    }
  }
}
