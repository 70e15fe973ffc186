package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;

/**
 * Asks cuDNN for the ways of running a graph: its heuristics A, B and fallback in this order, each
 * an ordered list of engine configurations, of which those that finalise are plans.
 */
final class CudnnPlans {

  private static final int[] HEURISTICS = {
    CudnnConstants.HEUR_MODE_A, CudnnConstants.HEUR_MODE_B, CudnnConstants.HEUR_MODE_FALLBACK
  };

  private CudnnPlans() {}

  /**
   * The first {@code limit} plans in cuDNN's order of preference, whose engines are {@code wanted};
   * the caller closes them. Compiles every one: milliseconds to a second each.
   *
   * @return empty where cuDNN knows no such plan
   * @throws CudnnException where it refuses the graph itself
   */
  static List<CudnnPlan> find(
      CudnnLibrary cudnn,
      CudnnTable graph,
      CudnnTarget target,
      Predicate<CudnnEngine> wanted,
      int limit) {
    List<CudnnPlan> plans = new ArrayList<>();
    try (var lowering = new CudnnLowering(cudnn)) {
      CudnnDescriptor lowered = lowering.lower(graph);
      for (int mode : HEURISTICS) {
        if (plans.size() >= limit) {
          break;
        }
        addPlans(cudnn, lowered, target, mode, wanted, limit, plans);
      }
      return plans;
    } catch (RuntimeException e) {
      CudnnPlan.closeAll(plans);
      throw e;
    }
  }

  /** The first of {@link #find}, or null. */
  static CudnnPlan first(
      CudnnLibrary cudnn, CudnnTable graph, CudnnTarget target, Predicate<CudnnEngine> wanted) {
    List<CudnnPlan> plans = find(cudnn, graph, target, wanted, 1);
    return plans.isEmpty() ? null : plans.getFirst();
  }

  /**
   * The first plan whose workspace is at most {@code limit} bytes; where there is none, the one
   * with the smallest workspace, and null where there is no plan at all. The caller closes it.
   */
  static CudnnPlan within(
      CudnnLibrary cudnn,
      CudnnTable graph,
      CudnnTarget target,
      Predicate<CudnnEngine> wanted,
      long limit) {
    CudnnPlan first = first(cudnn, graph, target, wanted);
    if (first == null || first.workspace() <= limit) {
      return first;
    }
    first.close();
    List<CudnnPlan> plans = find(cudnn, graph, target, wanted, Integer.MAX_VALUE);
    CudnnPlan best =
        plans.stream()
            .filter(plan -> plan.workspace() <= limit)
            .findFirst()
            .or(() -> plans.stream().min(Comparator.comparingLong(CudnnPlan::workspace)))
            .orElse(null);
    plans.stream().filter(plan -> plan != best).forEach(CudnnPlan::close);
    return best;
  }

  private static void addPlans(
      CudnnLibrary cudnn,
      CudnnDescriptor graph,
      CudnnTarget target,
      int mode,
      Predicate<CudnnEngine> wanted,
      int limit,
      List<CudnnPlan> plans) {
    List<CudnnDescriptor> configurations = configurations(cudnn, graph, target, mode);
    try {
      for (CudnnDescriptor configuration : configurations) {
        if (plans.size() >= limit) {
          return;
        }
        CudnnEngine engine = CudnnEngine.of(cudnn, configuration);
        if (wanted.test(engine)) {
          CudnnPlan plan = compile(cudnn, target, configuration, engine);
          if (plan != null) {
            plans.add(plan);
          }
        }
      }
    } finally {
      configurations.forEach(CudnnDescriptor::close);
    }
  }

  private static List<CudnnDescriptor> configurations(
      CudnnLibrary cudnn, CudnnDescriptor graph, CudnnTarget target, int mode) {
    List<CudnnDescriptor> results = new ArrayList<>();
    try (var heuristics =
        new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_ENGINEHEUR_DESCRIPTOR)) {
      heuristics
          .set(CudnnAttribute.ENGINEHEUR_OPERATION_GRAPH, List.of(graph))
          .set(CudnnAttribute.ENGINEHEUR_MODE, mode);
      target.setHeuristics(heuristics);
      heuristics.finish();
      long count = heuristics.count(CudnnAttribute.ENGINEHEUR_RESULTS);
      for (long i = 0; i < count; i++) {
        results.add(new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_ENGINECFG_DESCRIPTOR));
      }
      int got =
          count == 0 ? 0 : heuristics.getDescriptors(CudnnAttribute.ENGINEHEUR_RESULTS, results);
      while (results.size() > got) {
        results.removeLast().close();
      }
      return results;
    } catch (CudnnException e) {
      results.forEach(CudnnDescriptor::close);
      if (e.notSupported()) {
        return List.of();
      }
      throw e;
    } catch (RuntimeException e) {
      results.forEach(CudnnDescriptor::close);
      throw e;
    }
  }

  /** Null where the configuration does not serve after all, which cuDNN says only now. */
  private static CudnnPlan compile(
      CudnnLibrary cudnn, CudnnTarget target, CudnnDescriptor configuration, CudnnEngine engine) {
    var descriptor = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    try {
      descriptor.set(CudnnAttribute.EXECUTION_PLAN_ENGINE_CONFIG, List.of(configuration));
      target.setPlan(descriptor);
      return new CudnnPlan(descriptor.finish(), engine);
    } catch (CudnnException e) {
      descriptor.close();
      return null;
    } catch (RuntimeException e) {
      descriptor.close();
      throw e;
    }
  }
}
