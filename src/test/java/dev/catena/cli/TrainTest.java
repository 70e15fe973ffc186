package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class TrainTest {
  private static final int IMAGES = 10;

  @TempDir Path folder;

  /** Ten images, batches of four: an epoch is two steps, and the third begins the next. */
  @Test
  void goesOnToTheSameBits() throws IOException {
    Path data = data(0, 9);
    Path whole = folder.resolve("whole.safetensors");
    Path first = folder.resolve("first.safetensors");
    Path rest = folder.resolve("rest.safetensors");
    Path log = folder.resolve("run.csv");
    Map<String, Object> result =
        run(data, "--steps", "5", "--save", whole.toString(), "--json", "-").json();
    assertEquals(5, result.get("steps"));
    assertEquals(2, result.get("epoch_steps"));
    assertEquals(result.get("planned_bytes"), result.get("measured_bytes"));
    @SuppressWarnings("unchecked")
    List<Map<String, Object>> epochs = (List<Map<String, Object>>) result.get("epochs");
    assertEquals(List.of(2, 4, 5), epochs.stream().map(e -> e.get("steps")).toList());
    assertTrue((Double) epochs.getFirst().get("test_accuracy") >= 0);

    String[] saves = {"--save", first.toString(), "--log", log.toString()};
    assertEquals(0, run(data, "--steps", "3", saves[0], saves[1], saves[2], saves[3]).code());
    assertEquals(4, Files.readAllLines(log).size());
    String[] resumes = {"--resume", first.toString(), "--save", rest.toString()};
    Cli.Result resumed =
        run(
            data,
            "--steps",
            "5",
            resumes[0],
            resumes[1],
            resumes[2],
            resumes[3],
            "--log",
            "" + log);
    assertEquals(0, resumed.code(), resumed.err());
    Samples.assertSame(whole, rest);
    List<String> lines = Files.readAllLines(log);
    assertEquals(6, lines.size());
    for (int step = 0; step < 5; step++) {
      assertTrue(lines.get(step + 1).startsWith(step + "," + step / 2 + ","), lines::toString);
    }
    String drawing = Files.readString(folder.resolve("run.svg"));
    assertTrue(drawing.startsWith("<svg") && drawing.contains("data-series=\"test accuracy\""));
  }

  /** What {@code TrainingOracleTest} holds to PyTorch's steps are the command's steps too. */
  @Test
  void makesTheLibrarysSteps() throws IOException {
    Path data = data(0, 9);
    Path weights = Samples.weights(folder.resolve("weights.safetensors"));
    Path save = folder.resolve("run.safetensors");
    List<String> options = new ArrayList<>(List.of("--steps", "2", "--nesterov"));
    options.addAll(List.of("--no-augment", "--no-shuffle", "--weights", "" + weights));
    options.addAll(List.of("--save", save.toString()));
    Cli.Result result = run(data, options.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());

    Training training =
        Training.batch(4)
            .image(Samples.SIDE, Samples.SIDE)
            .momentum(0.9f)
            .nesterov(true)
            .weightDecay(1e-4f);
    try (Device device = Device.open("host");
        Model model = Models.get(Cli.MODEL).load(weights);
        Trainer trainer = model.train(device, training);
        SafeTensors images = SafeTensors.open(data);
        SafeTensors saved = SafeTensors.open(save)) {
      long size = images.segment("images").byteSize() / IMAGES * 4;
      for (int step = 0; step < 2; step++) {
        int[] labels = new int[4];
        for (int i = 0; i < 4; i++) {
          labels[i] = images.segment("labels").get(ValueLayout.JAVA_BYTE, 4 * step + i);
        }
        MemorySegment batch = images.segment("images").asSlice(step * size, size);
        trainer.step(batch, labels, 0.01f);
      }
      trainer
          .parameters()
          .forEach((name, values) -> assertArrayEquals(values, saved.floats(name), name));
    }
  }

  @Test
  void trainsAnotherClassifierOnFrozenFeatures() throws IOException {
    Path weights = Samples.weights(folder.resolve("weights.safetensors"));
    Path save = folder.resolve("twelve.safetensors");
    List<String> options = new ArrayList<>(List.of("--steps", "2", "--weights", "" + weights));
    options.addAll(List.of("--classes", "12", "--freeze", "features", "--save", "" + save));
    Cli.Result result = run(data(0, 9), options.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    assertTrue(
        result.err().contains("initialised: classifier.bias, classifier.weight"), result::err);
    try (SafeTensors before = SafeTensors.open(weights);
        SafeTensors after = SafeTensors.open(save)) {
      assertEquals(12, after.floats("classifier.bias").length);
      for (String name : before.tensors().keySet()) {
        if (name.startsWith("features.")) {
          assertArrayEquals(before.floats(name), after.floats(name), name);
        }
      }
    }
    assertComplaint(
        "or give the number of classes", run(data(0, 9), "--steps", "1", "--weights", "" + save));
    assertComplaint(
        "--freeze layer9: densenet-bc-40-12 has no parameter 'layer9'",
        run(data(0, 9), "--freeze", "layer9"));
    assertComplaint("give --weights", run(data(0, 9), "--initialise", "classifier"));
  }

  @Test
  void anotherSeedIsAnotherRun() throws IOException {
    Path data = data(0, 9);
    Object one = run(data, "--steps", "1", "--json", "-").json().get("losses");
    Path weights = Samples.weights(folder.resolve("weights.safetensors"));
    String[] begin = {"--weights", weights.toString(), "--json", "-"};
    Object a =
        run(data, "--steps", "1", begin[0], begin[1], begin[2], begin[3]).json().get("losses");
    Object b =
        run(data, "--steps", "1", begin[0], begin[1], begin[2], begin[3], "--seed", "1")
            .json()
            .get("losses");
    assertTrue(!one.equals(a) && !a.equals(b), one + ", " + a + ", " + b);
  }

  /** Whichever epochs are better: it ends with the first two in a row that are not. */
  @Test
  void stopsWhenPatienceIsAtItsEnd() throws IOException {
    Map<String, Object> result =
        run(data(0, 9), "--epochs", "40", "--patience", "2", "--json", "-").json();
    @SuppressWarnings("unchecked")
    List<Map<String, Object>> epochs = (List<Map<String, Object>>) result.get("epochs");
    double best = 0;
    int stale = 0;
    for (Map<String, Object> epoch : epochs) {
      assertTrue(stale < 2, epochs::toString);
      double accuracy = (Double) epoch.get("test_accuracy");
      stale = accuracy > best ? 0 : stale + 1;
      best = Math.max(best, accuracy);
    }
    assertTrue(stale == 2 || epochs.size() == 40, epochs::toString);
    assertTrue(epochs.size() < 40, epochs::toString);
  }

  @Test
  void aFinishedRunHasNothingLeftToDo() throws IOException {
    Path data = data(0, 9);
    Path save = folder.resolve("run.safetensors");
    assertEquals(0, run(data, "--steps", "2", "--save", save.toString()).code());
    Cli.Result again = run(data, "--steps", "2", "--resume", save.toString(), "--json", "-");
    assertEquals(0, again.code(), again.err());
    assertEquals(0, again.json().get("steps"));
  }

  @Test
  void stopsAtInfinityAndSaysWhere() throws IOException {
    Path save = Files.writeString(folder.resolve("good.safetensors"), "an older checkpoint");
    Path weights = Samples.infiniteWeights(folder.resolve("weights.safetensors"));
    String error =
        run(data(0, 9), "--weights", weights.toString(), "--save", save.toString()).complaint();
    assertTrue(error.contains("step 0: the loss is NaN"), error);
    assertTrue(error.contains("not finite first is classifier"), error);
    assertEquals("an older checkpoint", Files.readString(save));
  }

  @Test
  void namesWhatIsWrong() throws IOException {
    String labels = run(data(3, 10)).complaint();
    assertTrue(labels.contains("tensor 'labels': element 1 is 10, there are 10 classes"), labels);
    Path data = data(0, 9);
    assertComplaint("make no batch of 11", run(data, "--batch", "11"));
    assertComplaint("'1' is not a number from 0 to below 1", run(data, "--momentum", "1"));
    assertComplaint("there is no schedule 'cos'", run(data, "--schedule", "cos"));
    assertComplaint("there is no 'best', only unfused,", run(data, "--policy", "best"));
    Path weights = Samples.weights(folder.resolve("weights.safetensors"));
    assertComplaint("is no checkpoint", run(data, "--resume", weights.toString()));
    assertComplaint("no such file", run(data, "--resume", weights + ".none"));
    assertComplaint("give --save FILE", run(data, "--save-every", "2"));
    assertComplaint("for several devices", run(data, "--sync-batch-norm"));
    assertComplaint(
        "either --weights or --resume",
        run(data, "--resume", "" + weights, "--weights", "" + weights));
    assertComplaint("no such file", run(folder.resolve("nothing")));
    assertComplaint("has folders of 0 classes", run(folder));
  }

  @Test
  void refusesACheckpointOfOtherBatches() throws IOException {
    Path data = data(0, 9);
    Path save = folder.resolve("run.safetensors");
    assertEquals(0, run(data, "--steps", "1", "--save", save.toString()).code());
    Cli.Result other = run(data, "--resume", save.toString(), "--batch", "5");
    assertComplaint("the checkpoint's run had batch 4, this one has 5", other);
    byte[] whole = Files.readAllBytes(save);
    Files.write(save, Arrays.copyOf(whole, whole.length / 2));
    assertComplaint("cut short", run(data, "--resume", save.toString()));
  }

  private static void assertComplaint(String part, Cli.Result result) {
    String error = result.complaint();
    assertTrue(error.contains(part), error);
  }

  private static Cli.Result run(Path data, String... more) {
    List<String> all = new ArrayList<>(List.of("train", Cli.MODEL, "--data", data.toString()));
    all.addAll(List.of("--device", "host", "--no-tune", "--lr", "0.01"));
    if (!List.of(more).contains("--batch")) {
      all.addAll(List.of("--batch", "4"));
    }
    all.addAll(List.of(more));
    return Cli.run(all.toArray(String[]::new));
  }

  private Path data(int first, int second) throws IOException {
    return Samples.images(folder.resolve("data.safetensors"), IMAGES, first, second);
  }
}
