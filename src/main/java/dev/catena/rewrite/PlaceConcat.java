package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Concatenation by construction: each input is written where the concatenation would have copied
 * it.
 *
 * <pre>
 * c1 = Concat(x, a)        →   c1 = Join(x, a)
 * c2 = Concat(x, a, b)     →   c2 = Join(c1, b)
 * </pre>
 *
 * A concatenation whose inputs begin with those of an earlier one extends it, so a dense block is
 * one buffer. A value can stand in one place only; where a second is asked for, a {@link Op.Copy}
 * says why.
 */
public record PlaceConcat() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return new Pass().run(graph);
  }

  private static final class Pass {
    /** The values that have a place, by the join that gave it. */
    private final Map<Integer, String> placed = new HashMap<>();

    /** For each list of values, the join of exactly these. */
    private final Map<List<Value>, Value> joins = new HashMap<>();

    private final Set<Integer> outputs = new HashSet<>();

    Graph run(Graph graph) {
      graph.outputs().forEach(v -> outputs.add(v.id()));
      return Editor.rewrite(graph, this::visit);
    }

    private Value visit(Node node, Editor editor) {
      if (!(node.op() instanceof Op.Concat)) {
        return editor.keep(node);
      }
      List<Value> all = node.inputs();
      int prefix = longestJoinedPrefix(all);
      List<Value> parts = new ArrayList<>();
      if (prefix > 0) {
        parts.add(joins.get(all.subList(0, prefix)));
      }
      parts.addAll(all.subList(prefix, all.size()));
      if (parts.size() == 1) {
        return parts.getFirst();
      }
      for (int i = 0; i < parts.size(); i++) {
        parts.set(i, place(parts.get(i), i, node, editor));
      }
      Value join = editor.replace(node, new Op.Join(), parts.toArray(Value[]::new));
      joins.put(all, join);
      return join;
    }

    private int longestJoinedPrefix(List<Value> all) {
      for (int n = all.size(); n > 1; n--) {
        Value join = joins.get(all.subList(0, n));
        if (join != null && !placed.containsKey(join.id())) {
          return n;
        }
      }
      return 0;
    }

    private Value place(Value value, int index, Node join, Editor editor) {
      String why = whyNot(value);
      if (why == null) {
        placed.put(value.id(), join.name());
        return value;
      }
      return editor.add(join.name() + ".copy" + index, new Op.Copy(why), value);
    }

    private String whyNot(Value value) {
      if (value.layout() != Layout.NHWC || outputs.contains(value.id())) {
        return "it is an input or output of the graph";
      }
      String other = placed.get(value.id());
      return other == null ? null : "it already stands in " + other;
    }
  }
}
