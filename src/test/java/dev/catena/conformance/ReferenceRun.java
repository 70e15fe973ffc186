package dev.catena.conformance;

import dev.catena.graph.Evaluator;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Runs a graph in fp64 without a device, node by node: what a rewrite must not change. With a plan
 * its values lie where the plan says, and a buffer is NaN before and after its life: what a plan
 * must not lose.
 *
 * <p>All values are dense N,H,W,C outside the arena, the batch and the result included.
 */
public final class ReferenceRun {
  private final Function<Node, double[]> parameters;
  private final Map<Integer, double[]> constants;

  private ReferenceRun(Function<Node, double[]> parameters, Map<Integer, double[]> constants) {
    this.parameters = parameters;
    this.constants = constants;
  }

  /** The output of {@code graph}, each value in memory of its own. */
  public static double[] run(Graph graph, Function<Node, double[]> parameters, double[] batch) {
    Map<Integer, double[]> values = new HashMap<>();
    values.put(graph.inputs().getFirst().id(), batch);
    ReferenceRun run = new ReferenceRun(parameters, new HashMap<>());
    run.constants(graph);
    for (Node step : graph.steps()) {
      values.put(step.output().id(), run.step(step, v -> values.get(v.id())));
    }
    return values.get(graph.outputs().getFirst().id());
  }

  /** The output of a planned fp32 graph, whose values share the plan's arena. */
  public static double[] run(MemoryPlan plan, Function<Node, double[]> parameters, double[] batch) {
    ReferenceRun run = new ReferenceRun(parameters, new HashMap<>());
    run.constants(plan.graph());
    double[] memory = new double[Math.toIntExact(plan.peakBytes() / Float.BYTES)];
    Arrays.fill(memory, Double.NaN);
    Room room = new Room(plan, memory, 0, Map.of());
    room.write(plan.graph().inputs().getFirst(), batch);
    run.run(room);
    return room.read(plan.graph().outputs().getFirst());
  }

  private void constants(Graph graph) {
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Op.OnParameters) {
        constants.put(node.output().id(), constant(node));
      }
    }
  }

  private void run(Room room) {
    List<Node> steps = room.plan.steps();
    for (int i = 0; i < steps.size(); i++) {
      Node step = steps.get(i);
      switch (step.op()) {
        case Op.Join _ -> {}
        case Op.InSlices slices -> slices(step, slices, room, i);
        default -> room.write(step.output(), step(step, room::read));
      }
      room.endOf(i);
    }
  }

  private void slices(Node step, Op.InSlices slices, Room room, int index) {
    MemoryPlan body = room.plan.body(index);
    int scratch = room.plan.scratch(index).map(b -> room.first + room.element(b)).orElse(0);
    for (int image = 0; image < step.input(0).shape().n(); image += slices.images()) {
      Map<Integer, Integer> shared =
          Map.of(
              slices.body().inputs().getFirst().id(), room.address(step.input(0), image),
              slices.body().outputs().getFirst().id(), room.address(step.output(), image));
      run(new Room(body, room.memory, scratch, shared));
    }
  }

  private double[] step(Node step, Function<Value, double[]> read) {
    List<double[]> in = new ArrayList<>();
    for (Value input : step.inputs()) {
      in.add(input.isConstant() ? constants.get(input.id()) : read.apply(input));
    }
    return step.op() instanceof Op.InSlices slices
        ? slices(slices, in.getFirst())
        : Evaluator.run(step, in).results().getFirst().clone();
  }

  private double[] slices(Op.InSlices slices, double[] batch) {
    int slice = Math.toIntExact(slices.body().inputs().getFirst().shape().elements());
    double[] whole = new double[0];
    for (int at = 0; at < batch.length; at += slice) {
      Map<Integer, double[]> values = new HashMap<>();
      double[] images = Arrays.copyOfRange(batch, at, at + slice);
      values.put(slices.body().inputs().getFirst().id(), images);
      for (Node step : slices.body().steps()) {
        values.put(step.output().id(), step(step, v -> values.get(v.id())));
      }
      double[] part = values.get(slices.body().outputs().getFirst().id());
      whole = Arrays.copyOf(whole, whole.length + part.length);
      System.arraycopy(part, 0, whole, whole.length - part.length, part.length);
    }
    return whole;
  }

  private double[] constant(Node node) {
    return node.op() instanceof Op.Parameter
        ? parameters.apply(node)
        : Evaluator.run(node, node.inputs().stream().map(v -> constants.get(v.id())).toList())
            .results()
            .getFirst();
  }

  /** The memory of one plan: the whole arena's, or that of a slice. */
  private static final class Room {
    final MemoryPlan plan;
    final double[] memory;
    final int first;
    final Map<Integer, Integer> external;

    Room(MemoryPlan plan, double[] memory, int first, Map<Integer, Integer> external) {
      this.plan = plan;
      this.memory = memory;
      this.first = first;
      this.external = external;
    }

    int element(Buffer buffer) {
      return Math.toIntExact(buffer.offset() / Float.BYTES);
    }

    int address(Value value, int image) {
      View view = plan.view(value);
      int base =
          view.buffer() == View.EXTERNAL
              ? external.get(value.id())
              : first + element(plan.buffers().get(view.buffer())) + view.firstChannel();
      return base + image * value.shape().h() * value.shape().w() * pitch(value);
    }

    int pitch(Value value) {
      return value.layout() == Layout.NHWC ? plan.view(value).pitch() : value.shape().c();
    }

    double[] read(Value value) {
      double[] dense = new double[Math.toIntExact(value.shape().elements())];
      for (int p = 0; p < value.shape().pixels(); p++) {
        int from = address(value, 0) + p * pitch(value);
        System.arraycopy(memory, from, dense, p * value.shape().c(), value.shape().c());
      }
      return dense;
    }

    void write(Value value, double[] dense) {
      for (int p = 0; p < value.shape().pixels(); p++) {
        int to = address(value, 0) + p * pitch(value);
        System.arraycopy(dense, p * value.shape().c(), memory, to, value.shape().c());
      }
    }

    /** Nobody may read what is not needed any more, nor rely on what is not written yet. */
    void endOf(int step) {
      for (Buffer b : plan.buffers()) {
        boolean result = b.owner() == Buffer.Owner.OUTPUT;
        if (!result && (b.lastStep() == step || b.firstStep() == step + 1)) {
          int from = first + element(b);
          Arrays.fill(memory, from, from + Math.toIntExact(b.bytes() / Float.BYTES), Double.NaN);
        }
      }
    }
  }
}
