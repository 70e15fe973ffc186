package dev.catena.plan;

import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which values lie inside others: parts inside what joins them, slices inside what they are cut
 * from, a result inside what it overwrites. So values form trees, and a tree is a buffer: that of
 * its root, which is the widest.
 */
final class Sharing {
  /**
   * Where a value lies in its root.
   *
   * @param root the value that has the buffer
   * @param firstChannel of the value in it
   */
  record Place(Value root, int firstChannel) {}

  private record Link(Value container, int firstChannel) {}

  private final Graph graph;
  private final Map<Integer, Link> links = new HashMap<>();
  private final Map<Integer, List<Value>> contents = new HashMap<>();
  private final Map<Integer, Integer> position = new HashMap<>();
  private final Set<Integer> joined = new HashSet<>();
  private final Set<Integer> accumulated = new HashSet<>();

  private Sharing(Graph graph) {
    this.graph = graph;
  }

  /** The sharing of a graph's values. */
  static Sharing of(Graph graph) {
    Sharing sharing = new Sharing(graph);
    List<Node> steps = graph.steps();
    for (int i = 0; i < steps.size(); i++) {
      sharing.position.put(steps.get(i).output().id(), i);
      sharing.view(steps.get(i));
    }
    for (int i = 0; i < steps.size(); i++) {
      sharing.overwrite(steps.get(i), i);
    }
    return sharing;
  }

  /** The place of {@code value}. */
  Place place(Value value) {
    int channel = 0;
    Value at = value;
    for (Link link = links.get(at.id()); link != null; link = links.get(at.id())) {
      channel += link.firstChannel();
      at = link.container();
    }
    shorten(value, at, channel);
    return new Place(at, channel);
  }

  /** Links what lies between {@code value} and its root to the root: sums make long chains. */
  private void shorten(Value value, Value root, int firstChannel) {
    int channel = firstChannel;
    Value at = value;
    for (Link link = links.get(at.id()); link != null; link = links.get(at.id())) {
      links.put(at.id(), new Link(root, channel));
      channel -= link.firstChannel();
      at = link.container();
    }
  }

  /** True if the buffer of {@code root} has concatenated features. */
  boolean isJoined(Value root) {
    return joined.contains(root.id());
  }

  /** True if gradients are added up in the buffer of {@code root}. */
  boolean isAccumulated(Value root) {
    return accumulated.contains(root.id());
  }

  /** True if {@code node} says where a value lies, and computes nothing. */
  static boolean isView(Node node) {
    return node.op() instanceof Op.Join || node.op() instanceof TrainingOp.Slice;
  }

  private void view(Node node) {
    if (node.op() instanceof Op.Join) {
      int channel = 0;
      for (Value part : node.inputs()) {
        link(part, node.output(), channel);
        channel += part.shape().c();
      }
      joined.add(place(node.output()).root().id());
    } else if (node.op() instanceof TrainingOp.Slice slice) {
      link(node.output(), node.input(0), slice.first());
    }
  }

  private void overwrite(Node node, int step) {
    if (node.op() instanceof Op.Relu) {
      Value x = node.input(0);
      if (graph.uses(x) == 1 && !links.containsKey(x.id()) && isOwnActivation(x)) {
        link(x, node.output(), 0);
      }
    } else if (node.op() instanceof TrainingOp.Accumulating a && a.accumulate()) {
      Value sum = node.output();
      Value there = node.inputs().getLast();
      if (!links.containsKey(sum.id())
          && there.layout() == sum.layout()
          && there.dtype() == sum.dtype()
          && there.layout() == Layout.NHWC
          && isLastReader(there, step)) {
        link(sum, there, 0);
        accumulated.add(place(there).root().id());
      }
    }
  }

  private boolean isOwnActivation(Value x) {
    Node maker = graph.producer(x);
    return maker != null && !isView(maker) && x.layout() == Layout.NHWC;
  }

  /** True if nothing reads what overlaps {@code value} after {@code step}, nor in it twice. */
  private boolean isLastReader(Value value, int step) {
    Place place = place(value);
    int end = place.firstChannel() + value.shape().c();
    List<Value> open = new ArrayList<>(List.of(place.root()));
    while (!open.isEmpty()) {
      Value other = open.removeLast();
      open.addAll(contents.getOrDefault(other.id(), List.of()));
      int first = place(other).firstChannel();
      boolean overlaps = first < end && place.firstChannel() < first + other.shape().c();
      if (overlaps && !isReadBefore(other, step, other.equals(value) ? 1 : 0)) {
        return false;
      }
    }
    return true;
  }

  private boolean isReadBefore(Value value, int step, int readsAtStep) {
    int now = 0;
    for (Node reader : graph.consumers(value)) {
      int at = position.getOrDefault(reader.output().id(), -1);
      if (!isView(reader) && at >= step) {
        now += at == step ? 1 : 2;
      }
    }
    return now <= readsAtStep && !graph.isOutput(value);
  }

  private void link(Value value, Value container, int firstChannel) {
    if (links.putIfAbsent(value.id(), new Link(container, firstChannel)) != null) {
      throw new GraphException(
          container.name() + ": " + value + " would lie in two places; a Concat may copy it");
    }
    contents.computeIfAbsent(container.id(), _ -> new ArrayList<>()).add(value);
  }
}
