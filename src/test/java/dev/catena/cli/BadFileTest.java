package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Parameters;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wrong files: one sentence, exit code 2, nothing written. */
class BadFileTest {
  @TempDir private Path folder;
  private Path weights;
  private Path picture;

  @BeforeEach
  void writeSoundFiles() throws IOException {
    weights = Samples.weights(folder.resolve("w.safetensors"));
    picture = Samples.picture(folder.resolve("p.png"), 40, 50, 1);
  }

  @AfterEach
  void nothingIsWritten() throws IOException {
    try (var left = Files.list(folder)) {
      assertEquals(List.of(), left.filter(f -> f.toString().contains("out")).toList());
    }
  }

  /** The complaint about a run that should have written a result. */
  private String complaint(Object... arguments) {
    List<String> all = new ArrayList<>(List.of("run", Cli.MODEL, "--device", "host", "--no-tune"));
    all.addAll(List.of("--output", folder.resolve("out.safetensors").toString()));
    all.addAll(List.of("--json", folder.resolve("out.json").toString()));
    Arrays.stream(arguments).map(Object::toString).forEach(all::add);
    return Cli.run(all.toArray(String[]::new)).complaint();
  }

  private static void assertSays(String complaint, Object... words) {
    for (Object word : words) {
      assertTrue(complaint.contains(word.toString()), complaint);
    }
  }

  @Test
  void weightsThatAreNotThere() {
    Path absent = folder.resolve("absent.safetensors");
    assertSays(complaint("--weights", absent, picture), absent, "there is no such file");
  }

  @Test
  void weightsThatAreAFolder() {
    assertSays(complaint("--weights", folder, picture), folder, "is a folder; name a file in it");
  }

  @Test
  void weightsThatAreNoWeights() {
    assertSays(
        complaint("--weights", picture, picture), picture, "Is it a safetensors file at all?");
  }

  /**
   * {@code torch.save} writes a zip; the answer is more than one line, for it has two of Python.
   */
  @ParameterizedTest
  @ValueSource(strings = {"--weights", "MODEL"})
  void checkpointsOfPyTorch(String place) throws IOException {
    byte[] zip = "PK\3\4 archive/data.pkl".getBytes(StandardCharsets.ISO_8859_1);
    String file = Files.write(folder.resolve("net.pth"), zip).toString();
    Cli.Result result =
        place.equals("MODEL")
            ? Cli.run("plan", file)
            : Cli.run("run", Cli.MODEL, "--weights", file, picture.toString());
    assertEquals(2, result.code(), result.err());
    assertSays(result.err(), file, "a PyTorch checkpoint", "weights_only=True", "save_file(");
  }

  @Test
  void weightsInPlaceOfANetwork() {
    String complaint = Cli.run("plan", weights.toString()).complaint();
    assertSays(complaint, weights, "give the network's name, and --weights");
  }

  @Test
  void everyMissingUnexpectedAndMisshapenTensor() throws IOException {
    Path wrong = folder.resolve("wrong.safetensors");
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : Samples.parameters()) {
      switch (node.name()) {
        case "features.norm0.weight", "features.conv0.weight" -> {}
        case "classifier.bias" ->
            writer.add(node.name(), DType.FP32, new long[] {11}, new float[11]);
        default -> Samples.add(writer, node, Parameters.initial(7).values(node));
      }
    }
    writer.add("head.weight", DType.FP32, new long[] {2, 3}, new float[6]).write(wrong);
    assertSays(
        complaint("--weights", wrong, picture),
        wrong,
        "missing: features.conv0.weight [24x3x3x3]",
        "1 unexpected: head.weight [2, 3]",
        "1 of another shape: classifier.bias is [11], not [10]");
  }

  @Test
  void picturesThatAreNotThereNoPicturesOrBroken() throws IOException {
    Path absent = folder.resolve("absent.png");
    assertSays(complaint("--weights", weights, absent), absent, "there is no such file");
    assertSays(complaint("--weights", weights, folder), folder, "is a folder");
    Path text = Files.writeString(folder.resolve("text.png"), "not a picture");
    assertSays(complaint("--weights", weights, text), text, "neither PNG nor JPEG");
    byte[] bytes = Files.readAllBytes(picture);
    Path half = folder.resolve("half.png");
    Files.write(half, Arrays.copyOf(bytes, bytes.length / 2));
    assertSays(complaint("--weights", weights, picture, half), half, "get it again");
  }

  @Test
  void inputOfWrongChannels() throws IOException {
    Path input = Samples.tensor(folder.resolve("i.safetensors"), "input", 1, 1, 32, 32);
    assertSays(
        complaint("--weights", weights, "--input", input),
        input,
        "tensor 'input'",
        "has the shape [1, 1, 32, 32]",
        Cli.MODEL + " takes N,3,H,W");
  }

  @Test
  void inputWithoutInput() throws IOException {
    Path input = Samples.tensor(folder.resolve("i.safetensors"), "images", 1, 3, 32, 32);
    assertSays(
        complaint("--weights", weights, "--input", input),
        input,
        "has no tensor named input, only images");
  }

  @Test
  void imagesTooSmallForTheNetwork() throws IOException {
    Path input = Samples.tensor(folder.resolve("i.safetensors"), "input", 1, 3, 2, 3);
    assertSays(
        complaint("--weights", weights, "--input", input),
        Cli.MODEL + " cannot take images of 2 x 3, give larger ones: features.transition2");
  }

  @Test
  void labelsOfAnotherNetwork() throws IOException {
    Path labels = Files.writeString(folder.resolve("l.txt"), "cat\ndog\n");
    assertSays(
        complaint("--weights", weights, "--labels", labels, picture),
        labels + " names 2 classes, " + Cli.MODEL + " has 10");
  }

  @Test
  void labelsThatAreAFolder() {
    assertSays(complaint("--weights", weights, "--labels", folder, picture), folder, "is a folder");
  }
}
