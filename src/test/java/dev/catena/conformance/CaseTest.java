package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines of problems, and what counts as a result. */
class CaseTest {
  @Test
  void aLineMakesACaseForEachTypeAndKindOfNumbers() {
    List<Case> cases = Case.parse("conv 1x7x7x12 k=4 kernel=3x3 pad=1x1 bias dtype=f16,bf16");
    assertEquals(4, cases.size());
    Case first = cases.getFirst();
    assertEquals(Data.EXACT, first.data());
    assertEquals(DType.FP16, first.problem().output().dtype());
    assertEquals(Shape.nhwc(1, 7, 7, 4), first.problem().output().shape());
    assertEquals(3, first.problem().inputs().size());
  }

  @Test
  void theLineOfACaseMakesThatCaseAlone() {
    for (String line : Suite.all().lines()) {
      List<Case> again = Case.parse(line);
      assertEquals(1, again.size(), line);
      assertEquals(line, again.getFirst().line());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "conv                    | an operation and a shape",
        "conv 1x2x3 k=4          | not NxHxWxC",
        "conv 1x2x3xmany k=4     | not numbers",
        "conv 1x2x3x4            | wants k=",
        "conv 1x2x3x4 k=4 sride=2| no option sride",
        "conv 1x2x3x4 k=4 k=5    | there twice",
        "conv 1x2x3x4 k=4 x=4/12 | not FIRST/PITCH",
        "conv 1x2x3x4 k=4 x=8/8  | not FIRST/PITCH",
        "relu 1x2x3x4 dtype=f8   | no element type f8",
        "relu 1x2x3x4 data=true  | no Data true",
        "cosh 1x2x3x4            | no operation cosh"
      })
  void aWrongLineSaysWhatIsWrong(String line, String why) {
    String said = assertThrows(IllegalArgumentException.class, () -> Case.parse(line)).getMessage();
    assertTrue(said.contains(why) && said.contains(line.strip()), said);
  }

  @Test
  void aReferenceOfZerosIsMistrusted() {
    Case one = Case.parse("relu 1x2x2x4 dtype=f32 data=exact").getFirst();
    double[] zeros = new double[16];
    String why = Comparison.difference(one, zeros, zeros).orElse("");
    assertTrue(why.contains("the test itself"), why);
  }

  @Test
  void realsHaveATolerancePerTypeAndInfinitiesNone() {
    Case one = Case.parse("add 1x1x1x4 dtype=bf16 data=real").getFirst();
    double infinity = Double.POSITIVE_INFINITY;
    double[] reference = {1, 100, -3, infinity};
    assertEquals("", difference(one, reference, 1.001, 100.1, -3.001, infinity));
    assertTrue(difference(one, reference, 1.04, 100, -3, infinity).contains("1 of 4"));
    assertTrue(difference(one, reference, 1, 100, -3, 3e38).contains("c=3"));
    assertTrue(difference(one, reference, 1, 101, -3, infinity).contains("mean square"));
    assertTrue(difference(one, reference, Double.NaN, 100, -3, infinity).contains("c=0"));
  }

  private static String difference(Case one, double[] reference, double... got) {
    return Comparison.difference(one, got, reference).orElse("");
  }
}
