package dev.catena.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.ModelFormatException;
import dev.catena.io.Preprocessing.Interpolation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreprocessingTest {
  private static final String TIMM =
      """
      {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {
        "tag": "a1_in1k", "input_size": [3, 224, 224], "crop_pct": 0.95, "crop_mode": "center",
        "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
      """;
  private static final String TRANSFORMERS =
      """
      {"crop_pct": 0.875, "do_normalize": true, "do_resize": true,
       "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 2, "size": 224,
       "image_mean": [0.5, 0.25, 0.5], "image_std": [0.229, 0.224, 0.225]}
      """;
  private static final String MOBILENET =
      """
      {"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_normalize": true,
       "do_rescale": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
       "image_processor_type": "MobileNetV2ImageProcessor", "resample": 2,
       "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 256}}
      """;

  @TempDir private Path folder;

  private Preprocessing read(String text) throws IOException {
    return Preprocessing.read(Files.writeString(folder.resolve("config.json"), text));
  }

  @Test
  void timmsFileIsRead() throws IOException {
    Preprocessing usual = Preprocessing.imageNet(224);
    assertEquals(
        new Preprocessing(235, 224, Interpolation.BICUBIC, usual.mean(), usual.deviation()),
        read(TIMM));
  }

  @Test
  void filesOfTransformersAreRead() throws IOException {
    Preprocessing resnet = read(TRANSFORMERS);
    assertEquals(
        List.of(256, 224, Interpolation.BILINEAR),
        List.of(resnet.resize(), resnet.crop(), resnet.interpolation()));
    assertEquals(List.of(0.5f, 0.25f, 0.5f), resnet.mean());
    List<Float> half = List.of(0.5f, 0.5f, 0.5f);
    assertEquals(new Preprocessing(256, 224, Interpolation.BILINEAR, half, half), read(MOBILENET));
  }

  @Test
  void theFileBesideTheWeightsIsFound() throws IOException {
    Path weights = folder.resolve("model.safetensors");
    assertEquals(Optional.empty(), Preprocessing.beside(weights));
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"resnet\"}");
    assertEquals(Optional.empty(), Preprocessing.beside(weights));
    Files.writeString(folder.resolve("preprocessor_config.json"), TRANSFORMERS);
    assertEquals(256, Preprocessing.beside(weights).orElseThrow().resize());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"bicubic\" | \"lanczos\" | interpolation: is 'lanczos'",
        "[3, 224, 224] | [3, 224, 192] | input_size: is [3.0, 224.0, 192.0], no square",
        "0.95 | 1e9 | crop_pct: is no number from 0 to 1",
        "0.95 | 1e-9 | cannot cut 224 from 2147483647 pixels",
        "0.485 | \"NaN\" | mean: is not three numbers",
        "[0.229, | [0, | std: is not three numbers",
        "}} | } | is no JSON",
        "pretrained_cfg | other | says nothing of pictures",
      })
  void whatCannotBeDoneIsNamed(String old, String changed, String reason) {
    var e = assertThrows(ModelFormatException.class, () -> read(TIMM.replace(old, changed)));
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void otherScalesAndStretchingAreRefused() {
    for (String text :
        List.of(
            MOBILENET.replace("0.00392156862745098", "0.5"),
            MOBILENET.replace("\"do_rescale\": true", "\"do_rescale\": false"),
            MOBILENET
                .replace("\"do_center_crop\": true", "\"do_center_crop\": false")
                .replace("{\"shortest_edge\": 256}", "{\"height\": 224, \"width\": 224}"))) {
      assertThrows(ModelFormatException.class, () -> read(text), text);
    }
  }

  /** The sums are those of Pillow's bytes. */
  @ParameterizedTest
  @CsvSource({"11, 8, 444138934", "60, 48, 2218430825"})
  void bicubicIsPillows(int size, int crop, long expected) {
    int width = 37;
    int height = 23;
    byte[] rgb = new byte[3 * width * height];
    for (int i = 0; i < rgb.length; i++) {
      int x = i / 3 % width;
      int y = i / 3 / width;
      rgb[i] = (byte) (x * x * 7 + y * y * 3 + i % 3 * 40 + x * y);
    }
    Image image = new Image(width, height, rgb).centerCrop(size, crop, Interpolation.BICUBIC);
    CRC32 sum = new CRC32();
    sum.update(image.rgb());
    assertEquals(expected, sum.getValue());
  }
}
