package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Graphs as the Javadoc of the passes writes them, to compare with. */
final class Listing {
  private Listing() {}

  /** All nodes but parameters and the conversions at the ends: {@code y = Conv[bias](x, w, b)}. */
  static List<String> of(Graph graph) {
    return graph.nodes().stream()
        .filter(node -> !(node.op() instanceof Op.Parameter))
        .filter(node -> !(node.op() instanceof Op.FromNchw || node.op() instanceof Op.ToNchw))
        .map(Listing::line)
        .toList();
  }

  private static String line(Node node) {
    String inputs =
        node.inputs().stream().map(Value::name).collect(Collectors.joining(", ", "(", ")"));
    return node.name() + " = " + node.op().getClass().getSimpleName() + flags(node.op()) + inputs;
  }

  private static String flags(Op op) {
    List<String> flags = new ArrayList<>();
    switch (op) {
      case Op.Conv c -> {
        prologue(c.prologue(), flags);
        flag(c.bias(), "bias", flags);
        flag(c.residual(), "residual", flags);
        flag(c.relu(), "relu", flags);
      }
      case Op.Shortcut c -> {
        flag(c.sampling() != Op.Sampling.NONE, c.sampling().name().toLowerCase(Locale.ROOT), flags);
        flag(c.affine(), "affine", flags);
        flag(c.relu(), "relu", flags);
      }
      case Op.ScaleChannels c -> {
        flag(c.sigmoid(), "sigmoid", flags);
        flag(c.residual(), "residual", flags);
        flag(c.relu(), "relu", flags);
      }
      case Op.Pool p -> prologue(p.prologue(), flags);
      case Op.GlobalAveragePool p -> prologue(p.prologue(), flags);
      case Op.ScaleShift s -> flag(s.relu(), "relu", flags);
      case Op.Add a -> flag(a.relu(), "relu", flags);
      case Op.InSlices s -> flags.add(Integer.toString(s.images()));
      default -> {}
    }
    return flags.isEmpty() ? "" : flags.toString();
  }

  private static void prologue(Op.Prologue prologue, List<String> flags) {
    switch (prologue) {
      case NONE -> {}
      case SCALE_SHIFT -> flags.add("affine");
      case SCALE_SHIFT_RELU -> flags.add("affine-relu");
    }
  }

  private static void flag(boolean set, String name, List<String> flags) {
    if (set) {
      flags.add(name);
    }
  }
}
