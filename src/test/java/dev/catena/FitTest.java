package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.cli.Samples;
import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.DataSets;
import dev.catena.io.datasets.Normalization;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A trainer over a data set, as applications use it. */
@Timeout(240)
@Tag("slow")
class FitTest {
  @TempDir private static Path folder;

  @BeforeAll
  static void writeImages() throws IOException {
    Samples.cifar10(folder, 2);
  }

  @Test
  void aResumedRunGivesTheBitsOfTheWholeOne() throws IOException {
    Path file = folder.resolve("half.safetensors");
    Fit whole = Fit.epochs(2).learningRate(0.05f).dropAt(0.5);
    Training options = Training.batch(4);
    try (Device device = Device.open("host");
        DataSet data = DataSets.cifar10(folder);
        Model model = Models.get("densenet-bc-40-12").initialise(1);
        Trainer once = model.train(device, options);
        Trainer half = model.train(device, options);
        Trainer rest = model.train(device, options)) {
      List<Fit.Epoch> epochs = once.fit(data, whole);
      assertEquals(List.of(2L, 4L), epochs.stream().map(Fit.Epoch::steps).toList());
      assertEquals(2, epochs.getLast().test().orElseThrow().images());

      // Two of the four steps: the rate drops only afterwards.
      half.fit(data, Fit.steps(2).learningRate(0.05f));
      half.save(file);
      rest.resume(file);
      assertEquals(2, rest.steps());
      Fit other = whole.shuffled(3);
      assertThrows(ModelFormatException.class, () -> rest.fit(data, other));
      assertEquals(1, rest.fit(data, whole).size());
      Map<String, float[]> resumed = rest.parameters();
      once.parameters().forEach((name, v) -> assertArrayEquals(v, resumed.get(name), name));
    }
  }

  @Test
  void hostAndDeviceNormaliseAlike() throws IOException {
    try (Device device = Device.open("host");
        DataSet data = DataSets.cifar10(folder);
        Model model = Models.get("densenet-bc-40-12").initialise(1)) {
      var norm = data.normalization();
      double host = loss(model, device, data, Training.batch(4));
      Training there = Training.batch(4).augment(norm, 0, false);
      assertEquals(host, loss(model, device, data, there), 1e-4 * host);
      Training as = Training.batch(4).augment(Normalization.none(3), 0, false);
      double stored = loss(model, device, data, as);
      assertTrue(Math.abs(stored - host) > 1e-3 * host, stored + " is no other loss than " + host);
    }
  }

  private static double loss(Model model, Device device, DataSet data, Training options)
      throws IOException {
    try (Trainer trainer = model.train(device, options)) {
      return trainer.fit(data, Fit.steps(1)).getFirst().train().loss();
    }
  }

  @Test
  void dataThatDoesNotFitIsRefused() throws IOException {
    try (Device device = Device.open("host");
        DataSet data = DataSets.cifar10(folder);
        Model model = Models.get("densenet-bc-40-12");
        Trainer small = model.train(device, Training.batch(2).image(16, 16));
        Trainer large = model.train(device, Training.batch(16))) {
      var size = assertThrows(IllegalArgumentException.class, () -> small.fit(data, Fit.epochs(1)));
      assertTrue(size.getMessage().contains("Training.image(32, 32)"), size::getMessage);
      assertThrows(IllegalArgumentException.class, () -> large.fit(data, Fit.epochs(1)));
    }
  }
}
