package dev.catena.exec;

import dev.catena.device.Device;
import dev.catena.device.OutOfDeviceMemoryException;
import dev.catena.engine.Engines;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Planner;
import dev.catena.rewrite.FuseDenseLayer;
import dev.catena.rewrite.SliceBatch;
import java.util.Comparator;
import java.util.List;

/** From a network to programs. */
final class Compiler {
  private final GraphSource source;
  private final Inference options;
  private final Engines engines;
  private final Device device;

  Compiler(GraphSource source, Inference options, Engines engines, Device device) {
    this.source = source;
    this.options = options;
    this.engines = engines;
    this.device = device;
  }

  /** The program for a batch. */
  Program compile(int batch) {
    Graph graph = rewritten(source, options, batch);
    if (options.adapt()) {
      graph = new FuseDenseLayer(this::hasKernel).apply(graph);
    }
    return Program.compile(graph, engines, device);
  }

  /** Views do not matter to the question, and are not known yet. */
  private boolean hasKernel(Node node) {
    List<Operand> inputs =
        node.inputs().stream()
            .map(
                v ->
                    v.isConstant()
                        ? Operand.constant(v.shape())
                        : Operand.packed(v.shape(), v.dtype()))
            .toList();
    Value y = node.output();
    return engines.compete(new Problem(node.op(), inputs, Operand.packed(y.shape(), y.dtype())));
  }

  /**
   * The graph that is run: rewritten, its stem in the largest slices that do not raise the peak.
   * Needs no device.
   */
  static Graph rewritten(GraphSource source, Inference options, int batch) {
    Graph graph =
        options
            .pipeline()
            .apply(source.graph(batch, options.height(), options.width(), options.dtype()));
    if (!options.adapt()) {
      return graph;
    }
    Graph best = new SliceBatch(1).apply(graph);
    long least = Planner.plan(best).peakBytes();
    for (int images = 2; images <= batch; images++) {
      if (batch % images == 0) {
        Graph sliced = new SliceBatch(images).apply(graph);
        if (Planner.plan(sliced).peakBytes() <= least) {
          best = sliced;
        }
      }
    }
    return best;
  }

  /** Refuses programs whose arenas and weights exceed what the device has free. */
  void requireFit(List<Program> programs) {
    MemoryPlan largest =
        programs.stream()
            .map(Program::plan)
            .max(Comparator.comparingLong(MemoryPlan::peakBytes))
            .orElseThrow();
    long planned = options.lanes() * largest.peakBytes() + largest.weightBytes();
    long free = device.freeMemory();
    if (planned > free) {
      throw new OutOfDeviceMemoryException(
          device.name(), planned, free, device.totalMemory(), advice(free));
    }
  }

  private String advice(long free) {
    int fits = 0;
    int tooMany = options.batches().getLast();
    while (tooMany - fits > 1) {
      int batch = (fits + tooMany) >>> 1;
      MemoryPlan plan = Planner.plan(rewritten(source, options, batch));
      if (options.lanes() * plan.peakBytes() + plan.weightBytes() <= free) {
        fits = batch;
      } else {
        tooMany = batch;
      }
    }
    return fits == 0 ? "not even a batch of 1 fits" : "a batch of " + fits + " fits";
  }
}
