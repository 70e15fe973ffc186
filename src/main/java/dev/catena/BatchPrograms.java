package dev.catena;

import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Planner;
import dev.catena.rewrite.SliceBatch;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/** The programs of a network for inference, one for each batch size. */
final class BatchPrograms {
  private final GraphSource source;
  private final Inference options;
  private final Compiler compiler;
  private final Device device;
  private final Map<Integer, Graph> rewritten = new HashMap<>();

  BatchPrograms(GraphSource source, Inference options, Engines engines, Device device) {
    this.source = source;
    this.options = options;
    compiler = Compiler.inference(options.precision(), engines);
    this.device = device;
  }

  /** The program for a batch. */
  Program compile(int batch) {
    Graph graph = rewritten(batch);
    return compiler.compile(options.adapt() ? compiler.fusions().apply(graph) : graph, List.of());
  }

  private Graph rewritten(int batch) {
    return rewritten.computeIfAbsent(batch, n -> rewritten(source, options, n));
  }

  /**
   * The graph that is run: rewritten, its stem in the largest slices that do not raise the peak.
   * Needs no device.
   */
  static Graph rewritten(GraphSource source, Inference options, int batch) {
    Graph network = source.graph(batch, options.height(), options.width(), options.dtype());
    requireRunnable(network, batch);
    Graph graph = options.pipeline().apply(network);
    requireRunnable(graph, batch);
    if (!options.adapt()) {
      return graph;
    }
    Graph best = new SliceBatch(1).apply(graph);
    long least = Planner.plan(best).peakBytes();
    for (int images : divisors(batch)) {
      Graph sliced = new SliceBatch(images).apply(graph);
      if (Planner.plan(sliced).peakBytes() <= least) {
        best = sliced;
      }
    }
    return best;
  }

  /** One batch in and one result out, and as many images as were asked for. */
  private static void requireRunnable(Graph graph, int batch) {
    boolean ends =
        graph.inputs().size() == 1
            && graph.outputs().size() == 1
            && graph.inputs().getFirst().layout() == Layout.NCHW
            && graph.outputs().getFirst().layout() == Layout.NCHW
            && graph.producer(graph.outputs().getFirst()) != null;
    if (!ends) {
      throw new GraphException(
          "%s has not one batch and one result in N,C,H,W, but %s and %s"
              .formatted(graph.name(), graph.inputs(), graph.outputs()));
    }
    int images = graph.inputs().getFirst().shape().n();
    int results = graph.outputs().getFirst().shape().n();
    if (images != batch || results != batch) {
      throw new GraphException(
          "%s takes %d images and gives %d results where a batch of %d was asked for"
              .formatted(graph.name(), images, results, batch));
    }
  }

  /** Refuses programs that do not take and give the same, image by image: one memory serves all. */
  static void requireAlike(List<Program> programs) {
    for (Program program : programs) {
      Program first = programs.getFirst();
      requireAlike(first.input(), program.input());
      requireAlike(first.output(), program.output());
    }
  }

  private static void requireAlike(Value a, Value b) {
    if (!a.shape().withImages(1).equals(b.shape().withImages(1))) {
      throw new GraphException("batch sizes differ in more than their images: " + a + " and " + b);
    }
  }

  /** Those greater than 1, ascending, without a look at every number: a batch may be any int. */
  private static List<Integer> divisors(int batch) {
    SortedSet<Integer> divisors = new TreeSet<>();
    for (int i = 1; i <= batch / i; i++) {
      if (batch % i == 0) {
        divisors.add(i);
        divisors.add(batch / i);
      }
    }
    divisors.remove(1);
    return List.copyOf(divisors);
  }

  /**
   * Refuses a batch that does not fit even without scratch memory. Engines are asked afterwards:
   * they could only say that they do not compute anything so large.
   */
  void requireFit() {
    requireFit(List.of(Planner.plan(rewritten(options.batches().getLast()))));
  }

  /** Refuses plans whose arenas and weights exceed what the device has free. */
  void requireFit(List<MemoryPlan> plans) {
    MemoryPlan largest =
        plans.stream().max(Comparator.comparingLong(MemoryPlan::peakBytes)).orElseThrow();
    MemoryCheck.require(
        device,
        planned(largest),
        options.batches().getLast(),
        batch -> planned(Planner.plan(rewritten(source, options, batch))));
  }

  /** Saturating: any number of lanes may be asked for. */
  private long planned(MemoryPlan plan) {
    long most = (Long.MAX_VALUE - plan.weightBytes()) / Math.max(1, plan.peakBytes());
    return Math.min(options.lanes(), most) * plan.peakBytes() + plan.weightBytes();
  }
}
