package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A classifier of one's own on weights that were trained for other classes. */
class TransferTest {
  private static final String NAME = "resnet-20";
  private static final Training OPTIONS = Training.batch(2).image(8, 8);

  @TempDir private Path folder;
  private Path weights;

  @BeforeEach
  void write() throws IOException {
    weights = folder.resolve("ten.safetensors");
    try (Device device = Device.open("host");
        Trainer trainer = Models.get(NAME).initialise(7).train(device, OPTIONS)) {
      trainer.save(weights);
    }
  }

  @Test
  void theClassifierIsDrawnAndTheRestIsTheFiles() throws IOException {
    try (Model model = Models.get(NAME).classes(3).load(weights)) {
      LoadedWeights loaded = model.loaded().orElseThrow();
      assertEquals(List.of("fc.bias", "fc.weight"), loaded.initialised());
      assertEquals(List.of(), loaded.left());
      assertFalse(loaded.taken().contains("fc.weight"));
      assertTrue(
          loaded.toString().endsWith(" tensors taken; initialised: fc.bias, fc.weight"),
          loaded::toString);
      Map<String, float[]> taken = parameters(model);
      Map<String, float[]> file = parameters(Models.get(NAME).load(weights));
      Map<String, float[]> drawn = parameters(Models.get(NAME).classes(3));
      Set<String> classifier = Set.copyOf(loaded.initialised());
      taken.forEach(
          (name, values) ->
              assertArrayEquals(
                  (classifier.contains(name) ? drawn : file).get(name), values, name));
      assertEquals(3, taken.get("fc.bias").length);
    }
  }

  @Test
  void itIsTheSameWhetherClassesComeFirstOrWeights() throws IOException {
    try (Model first = Models.get(NAME).classes(3).load(weights);
        Model last = Models.get(NAME).load(weights).classes(3)) {
      Map<String, float[]> expected = parameters(first);
      parameters(last).forEach((name, values) -> assertArrayEquals(expected.get(name), values));
    }
  }

  @Test
  void whatWasTrainedIsLoadedWhole() throws IOException {
    Path three = folder.resolve("three.safetensors");
    try (Device device = Device.open("host");
        Model model = Models.get(NAME).classes(3).load(weights);
        Trainer trainer = model.train(device, OPTIONS.freeze("features"))) {
      trainer.step(new float[2 * 3 * 8 * 8], new int[] {2, 0}, 0.1f);
      trainer.save(three);
      try (Trainer next = model.train(device, OPTIONS.freeze("features"))) {
        next.resume(three);
        assertEquals(1, next.steps());
      }
    }
    try (Model model = Models.get(NAME).classes(3).load(three)) {
      assertEquals(List.of(), model.loaded().orElseThrow().initialised());
    }
    ModelFormatException e =
        assertThrows(ModelFormatException.class, () -> Models.get(NAME).load(three));
    assertTrue(e.getMessage().contains("fc.weight is [3, 64], not [10x64]"), e.getMessage());
    assertTrue(e.getMessage().contains("number of classes"), e.getMessage());
  }

  @Test
  void otherWeightsArePartOfANetworkOnRequestOnly() throws IOException {
    Model other = Models.get("resnet-32");
    assertThrows(ModelFormatException.class, () -> other.load(weights));
    try (Model model = other.load(weights, "layer*.3", "layer*.4")) {
      LoadedWeights loaded = model.loaded().orElseThrow();
      assertEquals(6 * 2 * 5, loaded.initialised().size());
      assertEquals(List.of(), loaded.left());
    }
    try (Model model = Models.get(NAME).load(weights, "fc")) {
      assertEquals(List.of(), model.loaded().orElseThrow().initialised());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"densenet-bc-40-12", "vgg11", "googlenet", "alexnet", "se-resnet-20"})
  void everyFamilyTakesAnotherNumberOfClasses(String name) {
    Model model = Models.get(name).classes(7);
    assertEquals(7, model.network().classes());
    assertTrue(model.plan(Training.batch(1).freeze("features")).bytes() > 0);
    assertTrue(model.plan(Inference.batch(1)).peakBytes() > 0);
  }

  @Test
  void thereIsAtLeastOneClass() {
    Model model = Models.get(NAME);
    assertThrows(IllegalArgumentException.class, () -> model.classes(0));
  }

  private static Map<String, float[]> parameters(Model model) {
    try (Device device = Device.open("host");
        Trainer trainer = model.train(device, OPTIONS)) {
      return trainer.parameters();
    }
  }
}
