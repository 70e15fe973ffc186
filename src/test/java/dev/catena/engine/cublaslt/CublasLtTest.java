package dev.catena.engine.cublaslt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What can be known of cuBLASLt without a GPU: its heuristics need one. */
class CublasLtTest {

  @ParameterizedTest
  @EnumSource(DType.class)
  void productsAreDescribed(DType dtype) {
    assumeTrue(CublasLtLibrary.find().isPresent(), () -> CublasLtLibrary.missing().orElse(""));
    for (Problem problem : List.of(classifier(dtype), pointwise(dtype))) {
      assertEquals(Optional.empty(), CublasLtMatmul.unsupported(problem));
      for (boolean tf32 : new boolean[] {false, true}) {
        var product = CublasLtMatmul.product(problem.withTf32(tf32));
        product.setBias(4096);
        product.close();
        product.close();
      }
    }
  }

  @Test
  void whatIsNoProductIsSaid() {
    Operand x = Operand.packed(Shape.nhwc(1, 4, 4, 8), DType.FP32);
    Operand w = Operand.constant(Shape.of(8, 8, 3, 3));
    assertTrue(
        CublasLtMatmul.unsupported(new Problem(Op.Conv.of(3, 1, 1), List.of(x, w), x)).isPresent());
    assertTrue(CublasLtMatmul.unsupported(new Problem(new Op.Relu(), List.of(x), x)).isPresent());
  }

  private static Problem classifier(DType dtype) {
    return new Problem(
        new Op.Linear(),
        List.of(
            Operand.packed(Shape.nhwc(64, 1, 1, 1024), dtype),
            Operand.constant(Shape.of(1000, 1024)),
            Operand.constant(Shape.of(1000))),
        Operand.packed(Shape.nhwc(64, 1, 1, 1000), dtype));
  }

  /** From the first 252 channels of a buffer of 512, with bias and ReLU. */
  private static Problem pointwise(DType dtype) {
    return new Problem(
        Op.Conv.of(1, 1, 0).withEpilogue(true, true),
        List.of(
            Operand.view(Shape.nhwc(64, 28, 28, 252), dtype, 0, 512),
            Operand.constant(Shape.of(128, 252, 1, 1)),
            Operand.constant(Shape.of(128))),
        Operand.packed(Shape.nhwc(64, 28, 28, 128), dtype));
  }
}
