package dev.catena;

import dev.catena.engine.Binding;
import dev.catena.engine.Packer;
import dev.catena.engine.Work;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Gives a program addresses: plan and arena in, prepared launches out. */
final class Binder {
  private final Program program;
  private final Constants constants;
  private final WeightStore weights;
  private final List<Work> works = new ArrayList<>();

  private Binder(Program program, Constants constants, WeightStore weights) {
    this.program = program;
    this.constants = constants;
    this.weights = weights;
  }

  /**
   * The launches of {@code program} in an arena.
   *
   * @param arena device address of as many bytes as the plan's peak
   */
  static List<Work> bind(Program program, Constants constants, WeightStore weights, long arena) {
    return new Binder(program, constants, weights).bind(arena, Map.of());
  }

  /** The launches of a training program, one work for each step that computes, in order. */
  static List<Work> bind(Program program, Addresses addresses) {
    // Constants: it has none, its parameters have addresses.
    return new Binder(program, null, null).bind(addresses.arena(), addresses.external());
  }

  private List<Work> bind(long arena, Map<Integer, Long> external) {
    try {
      bind(program.plan(), arena, external);
      return works;
    } catch (RuntimeException | Error e) {
      works.forEach(Work::close);
      throw e;
    }
  }

  private void bind(MemoryPlan plan, long arena, Map<Integer, Long> external) {
    Addresses addresses = new Addresses(plan, arena, external);
    for (int i = 0; i < plan.steps().size(); i++) {
      Node step = plan.steps().get(i);
      long scratch = plan.scratch(i).map(b -> arena + b.offset()).orElse(0L);
      if (step.op() instanceof Op.InSlices slices) {
        bindSlices(step, slices, addresses, plan.body(i), scratch);
      } else if (!Selection.isView(step)) {
        StepBinding binding = new StepBinding(step, addresses, scratch);
        works.add(program.selection().of(step).offer().prepare(binding));
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
    public long output(int index) {
      return addresses.of(step.outputs().get(index));
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
      Graph graph = program.plan().graph();
      Value constant = step.input(index);
      return weights.address(
          name, layout, bytes, constants, given -> given.values(graph, constant), packer);
    }
  }
}
