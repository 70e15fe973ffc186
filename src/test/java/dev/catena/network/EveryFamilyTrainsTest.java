package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Policy;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.graph.Init;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.model.AlexNet;
import dev.catena.model.GoogLeNet;
import dev.catena.model.PreResNet;
import dev.catena.model.PyramidNet;
import dev.catena.model.ResNet;
import dev.catena.model.ResidualBlock;
import dev.catena.model.Vgg;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Two steps of a network of each family under each policy; the second shows the first's update. */
@Tag("slow")
class EveryFamilyTrainsTest {
  private static final int BATCH = 2;

  record Family(Network network, int size) {
    @Override
    public String toString() {
      return network.name();
    }
  }

  static List<Family> families() {
    ResidualBlock squeezed = ResNet.cifar(20).block().withSqueeze(16).withShortcutScale(0.5f);
    return List.of(
        new Family(ResNet.cifar(20).withSurvival("resnet-20-depth", 0.5f), 16),
        new Family(ResNet.cifar(20).with("se-resnet-20", squeezed), 16),
        new Family(ResNet.basic("resnet18", 2, 2, 2, 2), 64),
        new Family(PreResNet.basic(20), 16),
        new Family(PreResNet.bottleneck(29), 16),
        new Family(PreResNet.wide(10, 2), 16),
        new Family(PyramidNet.basic(20, 48), 15),
        new Family(PyramidNet.bottleneck(29, 48), 15),
        new Family(PyramidNet.multiplicative(20, 48), 15),
        new Family(new GoogLeNet("googlenet"), 64),
        new Family(new AlexNet("alexnet", false), 95),
        new Family(new AlexNet("alexnet-original", true), 223),
        new Family(new Vgg("vgg11_bn", List.of(1, 1, 2, 2, 2), true), 32));
  }

  /** What two steps gave. */
  private record Course(List<Float> losses, List<Float> norms) {}

  @ParameterizedTest
  @MethodSource("families")
  void trainsTheSameUnderEveryPolicy(Family family) {
    Map<String, float[]> weights = new HashMap<>();
    Map<Policy, Course> courses = new EnumMap<>(Policy.class);
    try (Device device = Device.open("host");
        Model model =
            Models.of(family.network())
                .with(p -> weights.computeIfAbsent(p.name(), _ -> initial(p)))) {
      Map<String, Course> byGraph = new HashMap<>();
      for (Policy policy : Policy.values()) {
        Training options = Training.batch(BATCH).image(family.size(), family.size()).policy(policy);
        // Policies that make the same graph compute the same.
        String graph = model.plan(options).step().graph().toString();
        courses.put(
            policy,
            byGraph.computeIfAbsent(graph, _ -> train(model, device, family.size(), options)));
      }
    }
    Course unfused = courses.get(Policy.UNFUSED);
    for (var course : courses.entrySet()) {
      for (int step = 0; step < unfused.losses().size(); step++) {
        float loss = course.getValue().losses().get(step);
        float norm = course.getValue().norms().get(step);
        assertTrue(Float.isFinite(loss) && norm > 0, () -> courses.toString());
        assertEquals(unfused.losses().get(step), loss, 1e-3f * loss, () -> courses.toString());
      }
    }
    assertNotEquals(unfused.losses().get(0), unfused.losses().get(1));
    assertEquals(courses.get(Policy.FUSED), courses.get(Policy.RECOMPUTE));
  }

  private static Course train(Model model, Device device, int size, Training options) {
    SplittableRandom random = new SplittableRandom(1);
    float[] pixels = new float[BATCH * 3 * size * size];
    IntStream.range(0, pixels.length).forEach(i -> pixels[i] = (float) random.nextGaussian());
    MemorySegment images = MemorySegment.ofArray(pixels);
    int[] labels = {3, 7};
    Course course = new Course(new ArrayList<>(), new ArrayList<>());
    try (Trainer trainer = model.train(device, options)) {
      for (int step = 0; step < 2; step++) {
        var result = trainer.step(images, labels, 1e-3f);
        course.losses().add(result.loss());
        course.norms().add(result.gradientNorm());
      }
    }
    return course;
  }

  /** As {@code Parameters.initial}, but uniform, which costs little for a hundred million. */
  private static float[] initial(Node parameter) {
    SplittableRandom random = new SplittableRandom(parameter.name().hashCode());
    Init init = ((Op.Parameter) parameter.op()).init();
    float[] values = new float[Math.toIntExact(parameter.output().shape().elements())];
    double bound =
        switch (init) {
          case Init.HeNormal he -> Math.sqrt(6.0 / he.fan());
          case Init.Uniform u -> u.bound();
          case Init.Constant _ -> 0;
        };
    float centre = init instanceof Init.Constant c ? c.value() : 0;
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (centre + bound * (2 * random.nextDouble() - 1));
    }
    return values;
  }
}
