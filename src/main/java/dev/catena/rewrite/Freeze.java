package dev.catena.rewrite;

import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Heads;
import dev.catena.graph.NamePatterns;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Parameters that training leaves as they are. They have no gradient, no momentum, and what only
 * their gradients would read is not kept. A batch normalisation whose scale and shift are frozen
 * uses its running statistics and leaves them as they are.
 *
 * <pre>
 * y = BatchNorm(x, γ, β, μ, σ²)   →   q = RunningStatistics(μ, σ²); s = BatchScale(γ, q);
 *                                     t = BatchShift(β, q, s); y = ScaleShift(x, s, t)
 * </pre>
 *
 * Comes before {@link LowerTraining}.
 *
 * @param patterns as {@link NamePatterns} has them; {@link #FEATURES} is all but the classifier
 *     where no parameter has that name
 */
public record Freeze(List<String> patterns) implements Rewrite {
  /** All that a classifier reads. */
  public static final String FEATURES = "features";

  public Freeze {
    patterns = List.copyOf(patterns);
  }

  /**
   * The graph with frozen parameters.
   *
   * @throws GraphException if a pattern matches no parameter, or if nothing is left to train
   */
  @Override
  public Graph apply(Graph graph) {
    if (patterns.isEmpty()) {
      return graph;
    }
    Set<String> frozen = new HashSet<>();
    for (String pattern : patterns) {
      Set<String> matched = matched(graph, pattern);
      if (matched.isEmpty()) {
        throw new GraphException(
            "%s has no parameter '%s'; its parameters belong to %s"
                .formatted(graph.name(), pattern, blocks(graph)));
      }
      frozen.addAll(matched);
    }
    Graph made = Editor.rewrite(graph, (node, editor) -> visit(node, frozen, editor));
    if (made.trainable().isEmpty()) {
      throw new GraphException("all of " + graph.name() + " is frozen: nothing is left to train");
    }
    return made;
  }

  private static Set<String> matched(Graph graph, String pattern) {
    Set<String> names = graph.parameters().stream().map(Node::name).collect(Collectors.toSet());
    boolean all = names.stream().noneMatch(name -> NamePatterns.matches(FEATURES, name));
    if (pattern.equals(FEATURES) && all) {
      names.removeAll(Heads.parameters(graph));
    } else {
      names.removeIf(name -> !NamePatterns.matches(pattern, name));
    }
    return names;
  }

  private static String blocks(Graph graph) {
    return graph.parameters().stream()
        .map(node -> node.name().replaceFirst("\\..*", ""))
        .distinct()
        .collect(Collectors.joining(", "));
  }

  private static Value visit(Node node, Set<String> frozen, Editor editor) {
    return switch (node.op()) {
      case Op.Parameter p when frozen.contains(node.name()) ->
          editor.replace(node, new Op.Parameter(p.init(), true));
      case Op.BatchNorm bn
          when frozen.contains(node.input(1).name()) && frozen.contains(node.input(2).name()) -> {
        String name = node.name();
        Value q =
            editor.add(
                name + ".statistics",
                new TrainingOp.RunningStatistics(),
                node.input(3),
                node.input(4));
        TrainingOp scale = new TrainingOp.BatchScale(bn.epsilon());
        Value s = editor.add(name + ".scale", scale, node.input(1), q);
        Value t = editor.add(name + ".shift", new TrainingOp.BatchShift(), node.input(2), q, s);
        yield editor.replace(node, new Op.ScaleShift(false), node.input(0), s, t);
      }
      default -> editor.keep(node);
    };
  }
}
