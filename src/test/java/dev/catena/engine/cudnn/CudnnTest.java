package dev.catena.engine.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.Variant;
import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.cudnn.CudnnEngine.Note;
import dev.catena.engine.cudnn.CudnnPlanCache.Choice;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.model.Catalogue;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bindings, and what plans promise, on a described H200. Needs cuDNN, no driver. */
class CudnnTest {

  @TempDir private Path folder;
  private CudnnLibrary cudnn;

  @BeforeEach
  void findLibrary() {
    assumeTrue(CudnnLibrary.find().isPresent(), () -> CudnnLibrary.missing().orElse(""));
    cudnn = CudnnLibrary.find().get();
  }

  @Test
  void aRefusedCallSaysWhy() {
    try (var convolution =
        new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_CONVOLUTION_DESCRIPTOR)) {
      CudnnException e =
          assertThrows(
              CudnnException.class, () -> convolution.set(CudnnAttribute.TENSOR_STRIDES, 2));
      String call = "cudnnBackendSetAttribute " + CudnnAttribute.TENSOR_STRIDES;
      String reason = call + ": CUDNN_STATUS_BAD_PARAM (2000), ";
      assertTrue(e.getMessage().startsWith(reason), e.getMessage());
      assertTrue(e.getMessage().length() > reason.length(), "what cuDNN says of it");
      assertFalse(e.notSupported());
    }
  }

  @Test
  void aClosedDescriptorIsNotUsed() {
    var convolution = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_CONVOLUTION_DESCRIPTOR);
    convolution.close();
    convolution.close();
    assertThrows(
        IllegalStateException.class,
        () -> convolution.set(CudnnAttribute.CONVOLUTION_SPATIAL_DIMS, 2));
  }

  @Test
  void aDescriptionThatIsNoneIsRefused() {
    assertThrows(CudnnException.class, () -> CudnnTargets.described(cudnn, "{}"));
    assertThrows(CudnnException.class, () -> CudnnTargets.described(cudnn, "no JSON"));
  }

  @Test
  void aDeviceThatIsNotThereIsRefused() {
    assertThrows(CudnnException.class, () -> CudnnTarget.present(cudnn, 4711));
  }

  @Test
  void aStoredPlanIsReadBack() {
    try (CudnnTarget target = CudnnTargets.named(cudnn, "h200");
        CudnnPlan plan =
            CudnnPlans.first(cudnn, CudnnProblem.graph(slice(DType.FP16)), target, _ -> true);
        var restored =
            new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_EXECUTION_PLAN_DESCRIPTOR)) {
      target.setPlan(restored);
      restored.set(CudnnAttribute.EXECUTION_PLAN_JSON_REPRESENTATION, plan.json()).finish();
      assertTrue(plan.workspace() > 0);
      assertEquals(
          plan.workspace(), restored.getLong(CudnnAttribute.EXECUTION_PLAN_WORKSPACE_SIZE));
    }
  }

  /** What a start needs of cuDNN is on disk after the first: text that only has to be restored. */
  @Test
  void aSecondStartBuildsNothing() {
    Graph network = Catalogue.find("densenet121").orElseThrow().graph(8, DType.FP16);
    List<Problem> problems =
        NetworkProblems.of(Variant.FUSED.pipeline().apply(network)).stream()
            .filter(p -> CudnnProblem.unsupported(p).isEmpty())
            .distinct()
            .limit(6)
            .toList();
    assertEquals(6, problems.size());
    try (CudnnTarget target = CudnnTargets.named(cudnn, "h200")) {
      CudnnPlanCache first = new CudnnPlanCache(Optional.of(folder));
      CudnnPlanCache second = new CudnnPlanCache(Optional.of(folder));
      for (Problem problem : problems) {
        String key = CudnnProblem.graph(problem).toString();
        Choice made =
            first.get(key, () -> CudnnConvolution.choose(cudnn, problem, target, 32 << 20));
        Choice kept = second.get(key, () -> fail("built again: " + key));
        assertEquals(made, kept);
        try (var restored =
            new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_EXECUTION_PLAN_DESCRIPTOR)) {
          target.setPlan(restored);
          restored.set(CudnnAttribute.EXECUTION_PLAN_JSON_REPRESENTATION, kept.plan()).finish();
          assertEquals(
              kept.workspace(), restored.getLong(CudnnAttribute.EXECUTION_PLAN_WORKSPACE_SIZE));
        }
      }
    }
  }

  @Test
  void fp32RoundsToTf32OnlyWhereAllowed() {
    try (CudnnTarget target = CudnnTargets.named(cudnn, "h200")) {
      CudnnTable graph = CudnnProblem.graph(slice(DType.FP32));
      List<CudnnPlan> exact =
          CudnnPlans.find(cudnn, graph, target, e -> e.exact(DType.FP32, false), 1000);
      List<CudnnPlan> tf32 =
          CudnnPlans.find(cudnn, graph, target, e -> e.exact(DType.FP32, true), 1000);
      try {
        assertFalse(exact.isEmpty());
        assertTrue(exact.stream().noneMatch(CudnnTest::usesTensorCores));
        assertTrue(usesTensorCores(tf32.getFirst()));
        assertEquals(exact.getFirst().json(), chosen(target, false));
        assertEquals(tf32.getFirst().json(), chosen(target, true));
      } finally {
        CudnnPlan.closeAll(exact);
        CudnnPlan.closeAll(tf32);
      }
    }
  }

  /** What the engine takes with and without the problem's permission. */
  private String chosen(CudnnTarget target, boolean allowed) {
    Problem problem = slice(DType.FP32).withTf32(allowed);
    return CudnnConvolution.choose(cudnn, problem, target, Long.MAX_VALUE).plan();
  }

  private static boolean usesTensorCores(CudnnPlan plan) {
    return plan.engine().notes().contains(Note.TENSOR_CORE);
  }

  /** Most engines copy the slice; a limit finds those that write it in place. */
  @Test
  void theWorkspaceLimitIsKept() {
    try (CudnnTarget target = CudnnTargets.named(cudnn, "h200")) {
      var free = choose(target, Long.MAX_VALUE);
      assertTrue(free.workspace() >= 64L * 28 * 28 * 32 * 2, "" + free.workspace());
      assertEquals(0, choose(target, 0).workspace());
    }
  }

  private CudnnPlanCache.Choice choose(CudnnTarget target, long limit) {
    return CudnnConvolution.choose(cudnn, slice(DType.FP16), target, limit);
  }

  /** Measured with 9.24 and true since: without a bias cuDNN has no engine for a ReLU. */
  @Test
  void aReluAloneGetsABiasOfZeros() {
    Op.Conv relu = Op.Conv.of(3, 1, 1).withEpilogue(false, true);
    Problem problem =
        new Problem(
            relu,
            List.of(
                Operand.packed(Shape.nhwc(64, 28, 28, 128), DType.BF16),
                Operand.constant(Shape.of(32, 128, 3, 3))),
            Operand.packed(Shape.nhwc(64, 28, 28, 32), DType.BF16));
    assertTrue(CudnnProblem.hasBias(relu));
    try (CudnnTarget target = CudnnTargets.named(cudnn, "h200");
        CudnnPlan plan =
            CudnnPlans.first(
                cudnn, CudnnProblem.graph(problem), target, e -> e.exact(DType.BF16, false))) {
      assertNotNull(plan);
    }
  }

  /** 3x3, 128 to 32 channels, into a slice of a buffer of 512. */
  private static Problem slice(DType dtype) {
    return new Problem(
        Op.Conv.of(3, 1, 1),
        List.of(
            Operand.packed(Shape.nhwc(64, 28, 28, 128), dtype),
            Operand.constant(Shape.of(32, 128, 3, 3))),
        Operand.view(Shape.nhwc(64, 28, 28, 32), dtype, 256, 512));
  }
}
