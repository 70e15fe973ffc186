package dev.catena.engine.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Network;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.model.Catalogue;
import dev.catena.rewrite.Pipeline;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every plain convolution of the catalogue has a plan, on GPUs that are not here. Needs cuDNN, no
 * driver. By default one network of each kind; {@code -Dcatena.cudnn.sweep=true} takes them all.
 */
class CudnnPlansTest {

  private static final boolean SWEEP = Boolean.getBoolean("catena.cudnn.sweep");

  /** Growth 12, 24, 32, 40 and 48; CIFAR and ImageNet; with and without bottleneck. */
  private static final List<String> REPRESENTATIVE =
      List.of(
          "densenet121",
          "densenet161",
          "densenet-100-24",
          "densenet-bc-100-12",
          "densenet-bc-190-40");

  private static CudnnLibrary cudnn;

  @BeforeAll
  static void findLibrary() {
    assumeTrue(CudnnLibrary.find().isPresent(), () -> CudnnLibrary.missing().orElse(""));
    cudnn = CudnnLibrary.find().get();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a100", "h200", "b200"})
  void everyConvolutionOfTheCatalogueHasAPlan(String gpu) {
    List<String> without = new ArrayList<>();
    int asked = 0;
    try (CudnnTarget target = CudnnTargets.named(cudnn, gpu)) {
      for (DType dtype : DType.values()) {
        for (Problem problem : convolutions(dtype)) {
          asked++;
          if (!hasPlan(target, problem, dtype)) {
            without.add(problem.toString());
          }
        }
      }
    }
    assertEquals(List.of(), without);
    assertTrue(asked > 100, "only " + asked + " convolutions");
  }

  /** From packed activations to packed ones; by filters in fp32, cuDNN rounds others. */
  @ParameterizedTest
  @ValueSource(strings = {"a100", "h200", "b200"})
  void everyPlainGradientOfTheCatalogueHasAPlan(String gpu) {
    List<String> without = new ArrayList<>();
    int asked = 0;
    try (CudnnTarget target = CudnnTargets.named(cudnn, gpu)) {
      for (DType dtype : DType.values()) {
        for (Problem problem : gradients(dtype)) {
          asked++;
          if (!hasPlan(target, problem, dtype)) {
            without.add(problem.toString());
          }
        }
      }
    }
    assertEquals(List.of(), without);
    assertTrue(asked > 50, "only " + asked + " gradients");
  }

  /** Of the convolutions from packed to packed, each batch and extent once. */
  private static Set<Problem> gradients(DType dtype) {
    Set<Problem> gradients = new LinkedHashSet<>();
    for (Problem forward : convolutions(dtype)) {
      Op.Conv conv = ((Op.Conv) forward.op()).withEpilogue(false, false);
      Operand x = Operand.packed(forward.input(0).shape(), dtype);
      Operand y = Operand.packed(forward.output().shape(), dtype);
      Operand w = Operand.filters(forward.input(1).shape(), dtype);
      var data = new TrainingOp.ConvDgrad(conv, x.shape().h(), x.shape().w(), false);
      gradients.add(new Problem(data, List.of(y, w), x));
      Operand dw = Operand.filters(forward.input(1).shape(), DType.FP32);
      gradients.add(new Problem(new TrainingOp.ConvWgrad(conv), List.of(y, x), dw));
    }
    gradients.removeIf(problem -> CudnnProblem.unsupported(problem).isPresent());
    return gradients;
  }

  private static boolean hasPlan(CudnnTarget target, Problem problem, DType dtype) {
    try (CudnnPlan plan =
        CudnnPlans.first(cudnn, CudnnProblem.graph(problem), target, e -> e.exact(dtype, false))) {
      return plan != null;
    }
  }

  /**
   * Unfused: packed to packed. In place: packed to slice. Fused: bias and ReLU behind the stem. Of
   * one kind, the narrowest and the widest input.
   */
  private static Set<Problem> convolutions(DType dtype) {
    Map<Kind, TreeMap<Integer, Problem>> byChannels = new LinkedHashMap<>();
    for (Network network : networks()) {
      for (int batch : new int[] {1, 64}) {
        Stream.of(Pipeline.unfused(), Pipeline.inPlace(), Pipeline.fused())
            .map(pipeline -> pipeline.apply(network.graph(batch, dtype)))
            .flatMap(graph -> NetworkProblems.of(graph).stream())
            .filter(problem -> problem.op() instanceof Op.Conv)
            .filter(problem -> CudnnProblem.unsupported(problem).isEmpty())
            .forEach(
                problem ->
                    byChannels
                        .computeIfAbsent(Kind.of(problem), _ -> new TreeMap<>())
                        .put(problem.input(0).shape().c(), problem));
      }
    }
    Set<Problem> problems = new LinkedHashSet<>();
    for (TreeMap<Integer, Problem> alike : byChannels.values()) {
      problems.addAll(
          SWEEP
              ? alike.values()
              : List.of(alike.firstEntry().getValue(), alike.lastEntry().getValue()));
    }
    return problems;
  }

  /** All but the input's channels and where exactly the output's slice begins. */
  private record Kind(Op op, Shape output, boolean packed, int misalignment) {
    static Kind of(Problem problem) {
      Operand output = problem.output();
      return new Kind(problem.op(), output.shape(), output.isPacked(), output.firstChannel() % 8);
    }
  }

  private static List<Network> networks() {
    List<Network> networks =
        Catalogue.all().stream()
            .filter(network -> SWEEP || REPRESENTATIVE.contains(network.name()))
            .toList();
    assertFalse(networks.isEmpty());
    return networks;
  }
}
