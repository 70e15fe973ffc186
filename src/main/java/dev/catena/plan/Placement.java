package dev.catena.plan;

import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which buffer, and which channels of it, each activation gets, and from which step to which the
 * buffer lives. Offsets come later, since engines want to see the views before they name their
 * scratch.
 *
 * <p>Which values share a buffer is {@link Sharing}'s to say.
 */
public final class Placement {
  private static final int CHANNEL_MULTIPLE = 8;

  private final Graph graph;
  private final List<Node> steps;
  private final Sharing sharing;
  private final Map<Integer, View> views = new HashMap<>();
  private final List<Draft> drafts = new ArrayList<>();

  private Placement(Graph graph) {
    this.graph = graph;
    this.steps = graph.steps();
    this.sharing = Sharing.of(graph);
  }

  /** A graph with memory of its own: its inputs and outputs are buffers of the arena. */
  public static Placement of(Graph graph) {
    return of(graph, List.of());
  }

  /**
   * The same.
   *
   * @param external values that lie elsewhere, each alone in its memory
   */
  public static Placement of(Graph graph, List<Value> external) {
    Placement placement = new Placement(graph);
    View elsewhere = new View(View.EXTERNAL, 0, 0);
    external.forEach(v -> placement.views.put(v.id(), elsewhere));
    placement.place();
    int last = placement.steps.size() - 1;
    graph.outputs().forEach(v -> placement.touch(placement.locate(v), last));
    graph.inputs().forEach(v -> placement.touch(placement.locate(v), 0));
    return placement;
  }

  /**
   * The body of a slice: its batch and its output lie in the buffers of the graph around it.
   *
   * @param slices the step whose body it is
   * @param around where that step's values lie
   */
  public static Placement ofBody(Node slices, Placement around) {
    Graph body = ((Op.InSlices) slices.op()).body();
    Placement placement = new Placement(body);
    placement.views.put(body.inputs().getFirst().id(), external(around.view(slices.input(0))));
    placement.views.put(body.outputs().getFirst().id(), external(around.view(slices.output())));
    placement.place();
    return placement;
  }

  /** The view of {@code value}. */
  public View view(Value value) {
    return views.get(value.id());
  }

  /** The graph's steps: index i is step i of every lifetime. */
  public List<Node> steps() {
    return steps;
  }

  /** The buffers, without offsets. */
  List<Buffer> buffers() {
    return drafts.stream().map(Draft::buffer).toList();
  }

  private void place() {
    for (int i = steps.size() - 1; i >= 0; i--) {
      Node node = steps.get(i);
      for (Value made : node.outputs()) {
        touch(locate(made), i);
      }
      for (Value input : node.inputs()) {
        if (!input.isConstant()) {
          touch(locate(input), i);
        }
      }
    }
  }

  /** The view of {@code value}, in a new buffer if it is the first of its tree. */
  private View locate(Value value) {
    View known = views.get(value.id());
    if (known != null) {
      return known;
    }
    Sharing.Place place = sharing.place(value);
    View whole = views.get(place.root().id());
    if (whole == null) {
      whole = allocate(place.root());
      views.put(place.root().id(), whole);
    }
    if (whole.buffer() == View.EXTERNAL) {
      throw new GraphException(value + " would lie in the batch or the result of a slice");
    }
    int channel = whole.firstChannel() + place.firstChannel();
    View view = new View(whole.buffer(), channel, whole.pitch());
    views.put(value.id(), view);
    return view;
  }

  private static View external(View view) {
    return new View(View.EXTERNAL, view.firstChannel(), view.pitch());
  }

  private View allocate(Value value) {
    int id = drafts.size();
    drafts.add(new Draft(id, value.name(), owner(value), bytes(value)));
    return new View(id, 0, pitch(value));
  }

  private Buffer.Owner owner(Value value) {
    if (graph.producer(value) == null) {
      return Buffer.Owner.INPUT;
    }
    if (graph.isOutput(value)) {
      return Buffer.Owner.OUTPUT;
    }
    if (sharing.isAccumulated(value)) {
      return Buffer.Owner.GRADIENTS;
    }
    return sharing.isJoined(value) ? Buffer.Owner.FEATURES : Buffer.Owner.ACTIVATION;
  }

  private static int pitch(Value value) {
    return value.layout() == Layout.NHWC ? rounded(value.shape().c()) : 0;
  }

  private static int rounded(int channels) {
    return Math.ceilDiv(channels, CHANNEL_MULTIPLE) * CHANNEL_MULTIPLE;
  }

  private static long bytes(Value value) {
    long elements =
        switch (value.layout()) {
          case NHWC -> Math.multiplyExact(value.shape().pixels(), pitch(value));
          case FILTERS -> filterElements(value.shape());
          case NCHW, DENSE, PARAMETER -> value.shape().elements();
        };
    return Math.multiplyExact(elements, value.dtype().bytes());
  }

  /** Elements of filters K,C,R,S or weights K,C as they lie in memory while they are trained. */
  static long filterElements(Shape filters) {
    return filters.elements() / filters.dim(1) * rounded(filters.dim(1));
  }

  private void touch(View view, int step) {
    if (view.buffer() != View.EXTERNAL) {
      Draft draft = drafts.get(view.buffer());
      draft.first = Math.min(draft.first, step);
      draft.last = Math.max(draft.last, step);
    }
  }

  private static final class Draft {
    final int id;
    final String name;
    final long bytes;
    final Buffer.Owner owner;
    int first = Integer.MAX_VALUE;
    int last = -1;

    Draft(int id, String name, Buffer.Owner owner, long bytes) {
      this.id = id;
      this.name = name;
      this.owner = owner;
      this.bytes = bytes;
    }

    Buffer buffer() {
      return new Buffer(id, name, owner, bytes, first, last, 0);
    }
  }
}
