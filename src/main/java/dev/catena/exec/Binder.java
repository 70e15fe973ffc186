package dev.catena.exec;

import dev.catena.device.Device;
import dev.catena.engine.Binding;
import dev.catena.engine.Packer;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Gives a program addresses: plan and arena in, prepared launches out. */
final class Binder {
  private final Program program;
  private final Constants constants;
  private final WeightStore weights;
  private final Device device;
  private final List<Work> works = new ArrayList<>();

  private Binder(Program program, Constants constants, WeightStore weights, Device device) {
    this.program = program;
    this.constants = constants;
    this.weights = weights;
    this.device = device;
  }

  /**
   * The launches of {@code program} in an arena.
   *
   * @param arena device address of as many bytes as the plan's peak
   */
  static List<Work> bind(
      Program program, Constants constants, WeightStore weights, Device device, long arena) {
    Binder binder = new Binder(program, constants, weights, device);
    try {
      binder.bind(program.plan(), arena, Map.of());
      return binder.works;
    } catch (RuntimeException | Error e) {
      binder.works.forEach(Work::close);
      throw e;
    }
  }

  private void bind(MemoryPlan plan, long arena, Map<Integer, Long> external) {
    Addresses addresses = new Addresses(plan, arena, external);
    for (int i = 0; i < plan.steps().size(); i++) {
      Node step = plan.steps().get(i);
      long scratch = plan.scratch(i).map(b -> arena + b.offset()).orElse(0L);
      switch (step.op()) {
        case Op.Join _, TrainingOp.Slice _ -> {}
        case Op.InSlices slices -> bindSlices(step, slices, addresses, plan.body(i), scratch);
        default -> {
          Problem problem = Program.problem(step, plan.placement());
          StepBinding binding = new StepBinding(step, addresses, scratch);
          works.add(program.engine(problem).prepare(problem, binding, device));
        }
      }
    }
  }

  private void bindSlices(
      Node step, Op.InSlices slices, Addresses around, MemoryPlan body, long scratch) {
    Graph graph = slices.body();
    Value in = graph.inputs().getFirst();
    Value out = graph.outputs().getFirst();
    for (int first = 0; first < step.input(0).shape().n(); first += slices.images()) {
      Map<Integer, Long> shared = new HashMap<>();
      shared.put(in.id(), around.image(step.input(0), first));
      shared.put(out.id(), around.image(step.output(), first));
      bind(body, scratch, shared);
    }
  }

  /** Where the values of one plan lie. */
  private record Addresses(MemoryPlan plan, long arena, Map<Integer, Long> external) {
    long of(Value value) {
      View view = plan.view(value);
      if (view.buffer() == View.EXTERNAL) {
        return external.get(value.id());
      }
      Buffer buffer = plan.buffers().get(view.buffer());
      return arena + buffer.offset() + (long) view.firstChannel() * value.dtype().bytes();
    }

    /** Where image {@code index} of {@code value} begins. */
    long image(Value value, int index) {
      Shape shape = value.shape();
      long pitch = value.layout() == Layout.NHWC ? plan.view(value).pitch() : shape.c();
      return of(value) + index * (long) shape.h() * shape.w() * pitch * value.dtype().bytes();
    }
  }

  private final class StepBinding implements Binding {
    private final Node step;
    private final Addresses addresses;
    private final long scratch;

    StepBinding(Node step, Addresses addresses, long scratch) {
      this.step = step;
      this.addresses = addresses;
      this.scratch = scratch;
    }

    @Override
    public long input(int index) {
      return addresses.of(step.input(index));
    }

    @Override
    public long output() {
      return addresses.of(step.output());
    }

    @Override
    public long byproduct(int index) {
      return addresses.of(step.byproducts().get(index));
    }

    @Override
    public long workspace() {
      return scratch;
    }

    @Override
    public float[] values(int index) {
      return constants.values(program.plan().graph(), step.input(index));
    }

    @Override
    public long constant(int index, String layout, long bytes, Packer packer) {
      String name = step.input(index).name() + " " + step.input(index).shape();
      return weights.address(name, layout, bytes, () -> values(index), packer);
    }
  }
}
