package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.HashMap;
import java.util.Map;

/**
 * A feature's statistics are computed once, whoever normalises with them; those of joined features
 * are the features' own, joined. Comes after {@link PlaceConcat}.
 *
 * <pre>
 * c = Join(x, a); q = BatchStatistics(c)   →   q = Join(BatchStatistics(x), BatchStatistics(a))
 * </pre>
 *
 * A block of L layers reads L features once instead of L²/2; and since differentiation goes through
 * the statistics, what flows back through them is added to a feature's gradient once too.
 */
public record ShareStatistics() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return new Pass().run(graph);
  }

  private static final class Pass {
    private final Map<Integer, Value> known = new HashMap<>();

    Graph run(Graph graph) {
      return Editor.rewrite(graph, this::visit);
    }

    private Value visit(Node node, Editor editor) {
      return node.op() instanceof TrainingOp.BatchStatistics
          ? statistics(node.input(0), editor)
          : editor.keep(node);
    }

    private Value statistics(Value x, Editor editor) {
      Value there = known.get(x.id());
      if (there != null) {
        return there;
      }
      String name = x.name() + ".statistics";
      Node maker = editor.producer(x);
      Value made;
      if (maker.op() instanceof Op.Join) {
        Value[] parts =
            maker.inputs().stream().map(v -> statistics(v, editor)).toArray(Value[]::new);
        made = editor.add(name, new Op.Join(), parts);
      } else {
        made = editor.add(name, new TrainingOp.BatchStatistics(), x);
      }
      known.put(x.id(), made);
      return made;
    }
  }
}
