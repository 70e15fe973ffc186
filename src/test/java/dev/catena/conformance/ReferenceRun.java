package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
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
import java.util.stream.DoubleStream;

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
    return switch (step.op()) {
      case Op.Dropout _ -> in.getFirst().clone();
      case Op.StochasticDepth depth -> scaled(depth.survival(), in.getFirst());
      case Op.Scale scale -> scaled(scale.factor(), in.getFirst());
      case Op.Join _ -> compute(new Op.Concat(), step, in);
      case Op.BatchNorm bn -> batchNorm(bn, in);
      case Op.InSlices slices -> slices(slices, in.getFirst());
      default -> compute(step.op(), step, in);
    };
  }

  private static double[] scaled(double factor, double[] x) {
    return Arrays.stream(x).map(v -> factor * v).toArray();
  }

  /** The first output of what {@code node} makes of its inputs. */
  public static double[] compute(Node node, List<double[]> in) {
    return compute(node.op(), node, in);
  }

  private static double[] compute(Op op, Node step, List<double[]> in) {
    List<Operand> operands = step.inputs().stream().map(ReferenceRun::operand).toList();
    return Reference.all(new Problem(op, operands, operand(step.output())), in).getFirst().clone();
  }

  private static Operand operand(Value v) {
    if (v.layout() == Layout.DENSE) {
      return Operand.dense(v.shape());
    }
    return v.isConstant() ? Operand.constant(v.shape()) : Operand.packed(v.shape(), v.dtype());
  }

  private static double[] batchNorm(Op.BatchNorm bn, List<double[]> in) {
    double[] y = in.getFirst().clone();
    int channels = in.get(1).length;
    for (int i = 0; i < y.length; i++) {
      int c = i % channels;
      double deviation = Math.sqrt(in.get(4)[c] + bn.epsilon());
      y[i] = in.get(1)[c] * (y[i] - in.get(3)[c]) / deviation + in.get(2)[c];
    }
    return y;
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
    List<double[]> in = node.inputs().stream().map(v -> constants.get(v.id())).toList();
    if (node.op() instanceof Op.Parameter) {
      return parameters.apply(node);
    }
    if (node.op() instanceof Op.Filled f) {
      return DoubleStream.generate(f::value).limit(f.count()).toArray();
    }
    double[] y = in.getFirst().clone();
    for (int i = 0; i < y.length; i++) {
      y[i] =
          switch ((Op.OnParameters) node.op()) {
            case Op.Parameter _, Op.Filled _ -> throw new AssertionError();
            case Op.BnScale bn -> y[i] / Math.sqrt(in.get(1)[i] + bn.epsilon());
            case Op.BnShift _ -> y[i] - in.get(2)[i] * in.get(1)[i];
            case Op.ScaleFilters _ -> y[i] * in.get(1)[i / (y.length / in.get(1).length)];
            case Op.ScaleShiftBias _ -> in.get(1)[i] * y[i] + in.get(2)[i];
          };
    }
    return y;
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
