package dev.catena.network;

import static dev.catena.model.ResidualBlock.Order.BN_AFTER_ADDITION;
import static dev.catena.model.ResidualBlock.Order.ORIGINAL;
import static dev.catena.model.ResidualBlock.Order.PYRAMID;
import static dev.catena.model.ResidualBlock.Order.RELU_BEFORE_ADDITION;
import static dev.catena.model.ResidualBlock.Order.RELU_ONLY_PREACTIVATION;
import static dev.catena.model.ResidualBlock.Shortcut.PROJECTION;
import static dev.catena.model.ResidualBlock.Shortcut.SUBSAMPLED_ZEROS;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.graph.Network;
import dev.catena.model.Catalogue;
import dev.catena.model.PyramidNet;
import dev.catena.model.ResNet;
import dev.catena.model.ResidualBlock;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks of every family, every variant, every device, against PyTorch's fp64 logits. */
@Tag("slow")
class NetworkGoldenTest {
  private static final double TOLERANCE = 1e-4;

  static Stream<Arguments> agreesWithPyTorch() {
    List<GoldenLogits.Case> cases = GoldenLogits.read("network-logits.json").cases();
    return Device.available().stream()
        .flatMap(device -> cases.stream().map(golden -> Arguments.of(device, golden)));
  }

  @ParameterizedTest
  @MethodSource
  void agreesWithPyTorch(String deviceId, GoldenLogits.Case golden) {
    for (Variant variant : Variant.values()) {
      Inference options =
          Inference.batch(golden.batch()).image(golden.height(), golden.width()).variant(variant);
      try (Device device = Device.open(deviceId);
          Model model = Models.of(network(golden.model())).with(GoldenWeights.of(golden.model()));
          Session session = model.compile(device, options)) {
        float[] images = GoldenWeights.images(golden.batch(), golden.height(), golden.width());
        Logits.assertClose(
            Logits.flat(golden.logits()),
            Logits.run(session, images),
            TOLERANCE,
            golden + ", " + variant.label());
      }
    }
  }

  /** Of the catalogue, or one of a block's options on a shallow network. */
  private static Network network(String name) {
    return switch (name) {
      case "resnet-8-bn-after" -> shallow(ResidualBlock.basic(BN_AFTER_ADDITION, SUBSAMPLED_ZEROS));
      case "resnet-8-relu-before" ->
          shallow(ResidualBlock.basic(RELU_BEFORE_ADDITION, SUBSAMPLED_ZEROS));
      case "resnet-8-relu-only" ->
          shallow(ResidualBlock.basic(RELU_ONLY_PREACTIVATION, SUBSAMPLED_ZEROS));
      case "resnet-8-half" ->
          shallow(ResidualBlock.basic(ORIGINAL, SUBSAMPLED_ZEROS).withShortcutScale(0.5f));
      case "pyramidnet-20-a48-projected" ->
          PyramidNet.basic(20, 48).with(name, ResidualBlock.basic(PYRAMID, PROJECTION));
      default -> Catalogue.find(name).orElseThrow();
    };
  }

  private static Network shallow(ResidualBlock block) {
    return ResNet.cifar(8).with("resnet-8", block);
  }
}
