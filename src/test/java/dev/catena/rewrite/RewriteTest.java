package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Init;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each pass: what its Javadoc says it makes of what, and what it leaves alone. */
class RewriteTest {
  private final GraphBuilder g = new GraphBuilder("net", DType.FP32);
  private final Value x = g.input(6, 8, 8, 8);
  private final Value s = vector("s");
  private final Value t = vector("t");

  // ---- LowerInference ------------------------------------------------------------------------

  @Test
  void batchNormBecomesAnAffineMapAndDropoutNothing() {
    Value y = g.relu("r", g.dropout("drop", g.batchNorm("bn", x), 0.5f));
    assertRewritten(
        new LowerInference(),
        y,
        "bn.scale = BnScale(bn.weight, bn.running_var)",
        "bn.shift = BnShift(bn.bias, bn.running_mean, bn.scale)",
        "bn = ScaleShift(input.nhwc, bn.scale, bn.shift)",
        "r = Relu(bn)");
  }

  @Test
  void dropoutMayBeTheResultOrReadTwice() {
    Value d = g.dropout("drop", x, 0.5f);
    assertRewritten(
        new LowerInference(),
        g.dropout("last", g.add("sum", d, d), 0.5f),
        "sum = Add(input.nhwc, input.nhwc)");
  }

  // ---- FuseRelu ------------------------------------------------------------------------------

  @Test
  void aReluGoesIntoWhatMakesItsInput() {
    Value a = g.relu("r1", affine("a", x));
    Value c = g.relu("r2", g.conv("c", a, 8, 1, 1, 0));
    Value sum = g.relu("r3", g.add("sum", c, x));
    assertRewritten(
        new FuseRelu(),
        sum,
        "r1 = ScaleShift[relu](input.nhwc, s, t)",
        "r2 = Conv[relu](r1, c.weight)",
        "r3 = Add[relu](r2, input.nhwc)");
  }

  @Test
  void aReluStaysWhereItsInputHasAnotherReaderOrNoRoomForIt() {
    Value c = g.conv("c", x, 8, 1, 1, 0);
    Value r = g.relu("r", c);
    Value sum = g.add("sum", r, c);
    assertRewritten(
        new FuseRelu(),
        g.relu("last", g.maxPool("pool", sum, 2, 2, 0)),
        "c = Conv(input.nhwc, c.weight)",
        "r = Relu(c)",
        "sum = Add(r, c)",
        "pool = Pool(sum)",
        "last = Relu(pool)");
  }

  // ---- FoldBatchNorm -------------------------------------------------------------------------

  @Test
  void anAffineMapGoesIntoTheFiltersOfTheConvolutionBefore() {
    Value plain = g.add("a1", new Op.ScaleShift(true), g.conv("c1", x, 8, 3, 1, 1), s, t);
    Value biased = g.conv("c2", plain, 8, Op.Conv.of(1, 1, 0).withEpilogue(true, false));
    assertRewritten(
        new FoldBatchNorm(),
        affine("a2", biased),
        "c1.folded = ScaleFilters(c1.weight, s)",
        "a1 = Conv[bias, relu](input.nhwc, c1.folded, t)",
        "c2.folded = ScaleFilters(c2.weight, s)",
        "c2.folded.bias = ScaleShiftBias(c2.bias, s, t)",
        "a2 = Conv[bias](a1, c2.folded, c2.folded.bias)");
  }

  @Test
  void anAffineMapStaysAfterAReluOrWhereTheConvolutionHasAnotherReader() {
    Value rectified = g.conv("c1", x, 8, Op.Conv.of(1, 1, 0).withEpilogue(false, true));
    Value a = affine("a1", rectified);
    Value read = g.conv("c2", a, 8, 1, 1, 0);
    assertRewritten(
        new FoldBatchNorm(),
        g.add("sum", affine("a2", read), read),
        "c1 = Conv[relu](input.nhwc, c1.weight)",
        "a1 = ScaleShift(c1, s, t)",
        "c2 = Conv(a1, c2.weight)",
        "a2 = ScaleShift(c2, s, t)",
        "sum = Add(a2, c2)");
  }

  // ---- PoolBeforeConv ------------------------------------------------------------------------

  @Test
  void aMeanGoesBeforeAPointwiseConvolution() {
    assertRewritten(
        new PoolBeforeConv(),
        g.averagePool("pool", g.conv("c", x, 4, 1, 1, 0), 2, 2, 0),
        "pool.first = Pool(input.nhwc)",
        "pool = Conv(pool.first, c.weight)");
  }

  @Test
  void whatDoesNotCommuteOrDoesNotSaveStays() {
    Op.Conv pointwise = Op.Conv.of(1, 1, 0);
    Op.Pool affine =
        Op.Pool.of(Op.PoolKind.AVERAGE, 2, 2, 0).withPrologue(Op.Prologue.SCALE_SHIFT_RELU);
    Value c1 = g.conv("c1", x, 8, 1, 1, 0);
    Value c2 = g.conv("c2", x, 8, 3, 1, 1);
    Value c3 = g.conv("c3", x, 8, 1, 1, 0);
    Value c4 = g.conv("c4", x, 8, 1, 1, 0);
    Value c5 = g.conv("c5", x, 8, pointwise.withEpilogue(false, true));
    Value c6 = g.conv("c6", x, 8, 1, 1, 0);
    Value c7 = g.conv("c7", x, 8, 1, 1, 0);
    List<Value> ends =
        List.of(
            g.maxPool("maximum", c1, 2, 2, 0),
            g.averagePool("of 3x3", c2, 2, 2, 0),
            g.averagePool("padded", c3, 2, 2, 1),
            g.averagePool("as many pixels", c4, 2, 1, 0),
            g.averagePool("after a relu", c5, 2, 2, 0),
            g.averagePool("read twice", c6, 2, 2, 0),
            g.conv("other reader", c6, 8, 2, 2, 0),
            g.add("own affine map", affine, c7, s, t));
    assertStays(new PoolBeforeConv(), ends);
  }

  // ---- FuseBnReluConv ------------------------------------------------------------------------

  @Test
  void anAffineMapIsAppliedByThoseThatReadIt() {
    Value a = g.add("a", new Op.ScaleShift(true), x, s, t);
    Value biased = g.conv("c1", a, 8, Op.Conv.of(3, 2, 1).withEpilogue(true, false));
    Value sum = g.add("sum", biased, g.maxPool("pool", a, 2, 2, 0));
    assertRewritten(
        new FuseBnReluConv(),
        g.globalAveragePool("mean", affine("last", sum)),
        "c1 = Conv[affine-relu, bias](input.nhwc, c1.weight, s, t, c1.bias)",
        "pool = Pool[affine-relu](input.nhwc, s, t)",
        "sum = Add(c1, pool)",
        "mean = GlobalAveragePool[affine](sum, s, t)");
  }

  @Test
  void anAffineMapThatMustBeInMemoryAnywayIsReadFromThere() {
    Value a = affine("a", x);
    Op.Conv two = new Op.Conv(3, 3, 1, 1, 1, 2, Op.Prologue.NONE, false, false);
    Value b = affine("b", x);
    List<Value> ends =
        List.of(
            g.conv("c1", a, 8, 3, 1, 1),
            g.add("sum", a, x),
            g.conv("grouped", b, 8, two),
            g.conv("c2", b, 8, 1, 1, 0));
    assertStays(new FuseBnReluConv(), ends);
  }

  // ---- FuseDenseLayer ------------------------------------------------------------------------

  @Test
  void bothConvolutionsOfADenseLayerBecomeOne() {
    assertRewritten(
        new FuseDenseLayer((_, _) -> true),
        denseLayer("d", x),
        "d = DenseLayer(input.nhwc, s, t, d.first.weight, d.first.bias, d.weight)");
  }

  @Test
  void aDenseLayerStaysTwoWhereNobodyWantsIt() {
    Value unwanted = denseLayer("d1", x);
    assertStays(new FuseDenseLayer((node, _) -> !node.name().equals("d1")), List.of(unwanted));
  }

  @Test
  void aBottleneckWithAnotherReaderStaysInMemory() {
    Value b = bottleneck("first", x);
    Value y = g.conv("d", b, 32, 3, 1, 1);
    assertStays(new FuseDenseLayer((_, _) -> true), List.of(y, g.relu("other", b)));
  }

  // ---- PlaceConcat ---------------------------------------------------------------------------

  @Test
  void aConcatenationThatContinuesAnEarlierOneExtendsIt() {
    Value a = g.conv("a", x, 4, 1, 1, 0);
    Value b = g.conv("b", g.concat("c1", List.of(x, a)), 4, 1, 1, 0);
    assertRewritten(
        new PlaceConcat(),
        g.concat("c2", List.of(x, a, b)),
        "a = Conv(input.nhwc, a.weight)",
        "c1 = Join(input.nhwc, a)",
        "b = Conv(c1, b.weight)",
        "c2 = Join(c1, b)");
  }

  @Test
  void theSameConcatenationTwiceIsOne() {
    Value r = g.relu("r", x);
    Value c1 = g.concat("c1", List.of(x, r));
    Value c2 = g.concat("c2", List.of(x, r));
    assertRewritten(
        new PlaceConcat(),
        g.add("sum", c1, c2),
        "r = Relu(input.nhwc)",
        "c1 = Join(input.nhwc, r)",
        "sum = Add(c1, c1)");
  }

  @Test
  void whatStandsSomewhereIsCopiedElsewhere() {
    Value r = g.relu("r", x);
    Value twice = g.concat("twice", List.of(r, r));
    Value nested = g.concat("nested", List.of(x, twice));
    assertRewritten(
        new PlaceConcat(),
        g.add("last", nested, g.concat("again", List.of(twice, x))),
        "r = Relu(input.nhwc)",
        "twice.copy1 = Copy(r)",
        "twice = Join(r, twice.copy1)",
        "nested = Join(input.nhwc, twice)",
        "again.copy0 = Copy(twice)",
        "again.copy1 = Copy(input.nhwc)",
        "again = Join(again.copy0, again.copy1)",
        "last = Add(nested, again)");
  }

  @Test
  void anOutputIsNoPartOfAnother() {
    Value r = g.relu("r", x);
    Graph built = g.build(g.concat("c", List.of(x, r)));
    Graph graph = new Graph("two", built.inputs(), built.nodes(), List.of(r, outputOf(built)));
    assertEquals(
        List.of("r = Relu(input.nhwc)", "c.copy1 = Copy(r)", "c = Join(input.nhwc, c.copy1)"),
        Listing.of(new PlaceConcat().apply(graph)));
  }

  // ---- SliceBatch ----------------------------------------------------------------------------

  @Test
  void theStemRunsInSlicesThatDivideTheBatch() {
    Value stem = g.maxPool("pool", g.relu("r", g.conv("c", x, 4, 3, 1, 1)), 2, 2, 0);
    Graph graph = g.build(g.relu("last", stem));
    assertEquals(
        List.of("pool = InSlices[3](input, c.weight)", "last = Relu(pool)"),
        Listing.of(new SliceBatch(3).apply(graph)));
    assertEquals(
        Listing.of(new SliceBatch(3).apply(graph)), Listing.of(new SliceBatch(5).apply(graph)));
    assertSame(graph, new SliceBatch(6).apply(graph));
    assertSame(graph, new SliceBatch(64).apply(graph));
    assertThrows(IllegalArgumentException.class, () -> new SliceBatch(0));
    Op.InSlices slices =
        new SliceBatch(2)
            .apply(graph).steps().stream()
                .map(Node::op)
                .filter(Op.InSlices.class::isInstance)
                .map(Op.InSlices.class::cast)
                .findFirst()
                .orElseThrow();
    assertEquals(
        List.of("c = Conv(input.nhwc, c.weight)", "r = Relu(c)", "pool = Pool(r)"),
        Listing.of(slices.body()));
  }

  @Test
  void aStemWithAnotherReaderOrWithoutAPoolStays() {
    Value c = g.conv("c", x, 4, 3, 1, 1);
    Value pool = g.maxPool("pool", c, 2, 2, 0);
    assertStays(new SliceBatch(1), List.of(pool, g.relu("other", c)));
  }

  @Test
  void aStemWithoutAPoolStays() {
    Value c = g.conv("c", x, 8, 3, 1, 1);
    assertStays(new SliceBatch(1), List.of(g.maxPool("pool", g.add("sum", c, c), 2, 2, 0)));
  }

  // ---- all -----------------------------------------------------------------------------------

  private Value vector(String name) {
    return g.parameter(name, Shape.of(8), new Init.Constant(1));
  }

  private Value affine(String name, Value value) {
    return g.add(name, new Op.ScaleShift(false), value, s, t);
  }

  private Value bottleneck(String name, Value value) {
    Value w = g.parameter(name + ".weight", Shape.of(16, 8, 1, 1), new Init.Constant(1));
    Value b = g.parameter(name + ".bias", Shape.of(16), new Init.Constant(1));
    Op.Conv conv =
        Op.Conv.of(1, 1, 0).withPrologue(Op.Prologue.SCALE_SHIFT_RELU).withEpilogue(true, true);
    return g.add(name, conv, value, w, s, t, b);
  }

  private Value denseLayer(String name, Value value) {
    return g.conv(name, bottleneck(name + ".first", value), 4, 3, 1, 1);
  }

  private static Value outputOf(Graph graph) {
    return graph.outputs().getFirst();
  }

  private void assertRewritten(Rewrite pass, Value result, String... expected) {
    assertEquals(List.of(expected), Listing.of(pass.apply(g.build(result))));
  }

  /** All of {@code ends} count as read. */
  private void assertStays(Rewrite pass, List<Value> ends) {
    Graph built = g.build(ends.getFirst());
    List<Value> outputs = new ArrayList<>(ends.subList(1, ends.size()));
    outputs.addFirst(outputOf(built));
    Graph graph = new Graph("net", built.inputs(), built.nodes(), outputs);
    assertEquals(Listing.of(graph), Listing.of(pass.apply(graph)));
  }
}
