package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.GraphException;
import dev.catena.error.OutOfDeviceMemoryException;
import dev.catena.error.ParameterException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import dev.catena.graph.Value;
import dev.catena.model.Catalogue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks and weights of a user's own that are not what they should be: errors, never a crash. */
class BadNetworkTest {
  private final Device device = Device.open("host");
  private final Engines engines = EngineRegistry.on(device, Optional.empty(), Optional.empty());
  private final long before = device.usedMemory();

  @AfterEach
  void close() {
    assertEquals(before, device.usedMemory());
    device.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 1})
  void tooFewOrTooManyValuesOfAnyParameterAreRefused(int more) {
    Graph network = small(1, 32, 32, DType.FP32);
    for (var parameter : network.parameters()) {
      String name = parameter.name();
      Parameters wrong =
          node ->
              new float
                  [(int) node.output().shape().elements() + (node.name().equals(name) ? more : 0)];
      for (Variant variant : Variant.values()) {
        ParameterException e =
            assertThrows(
                ParameterException.class,
                () -> compile(BadNetworkTest::small, wrong, Inference.batch(1).variant(variant)));
        long elements = parameter.output().shape().elements();
        assertEquals(
            "%s is %s: %d values, not %d"
                .formatted(name, parameter.output().shape(), elements, elements + more),
            e.getMessage());
      }
    }
  }

  @Test
  void noValuesAreRefused() {
    ParameterException e =
        assertThrows(
            ParameterException.class,
            () -> compile(BadNetworkTest::small, _ -> null, Inference.batch(1)));
    assertTrue(e.getMessage().startsWith("there are no values of conv.weight"), e.getMessage());
  }

  @Test
  void aNetworkTakesAsManyImagesAsItWasAskedFor() {
    refused((_, h, w, type) -> small(2, h, w, type), "takes 2 images");
  }

  @Test
  void aNetworkTakesAndGivesTheSameForEveryBatchSize() {
    refused((n, _, _, type) -> small(n, 8 * n, 8, type), "batch sizes differ");
  }

  @Test
  void aNetworkHasOneResult() {
    refused(
        (n, h, w, type) -> {
          Graph one = small(n, h, w, type);
          List<Value> two = List.of(one.outputs().getFirst(), one.steps().getFirst().output());
          return new Graph("two", one.inputs(), one.nodes(), two);
        },
        "two has not one batch and one result");
  }

  /** The ids of values say nothing from one batch size to the next. */
  @Test
  void aNetworkMayBeBuiltInAnotherOrderForAnotherBatchSize() {
    GraphSource ordered = (n, _, _, type) -> twoBranches(n, type, true);
    GraphSource shuffled = (n, _, _, type) -> twoBranches(n, type, n == 2);
    try (Arena arena = Arena.ofConfined();
        Session expected = compile(ordered, Parameters.initial(1), Inference.batch(1, 2));
        Session session = compile(shuffled, Parameters.initial(1), Inference.batch(1, 2))) {
      MemorySegment image = Fixture.images(arena, 1);
      byte[] a = new byte[4 * expected.resultSize()];
      byte[] b = new byte[4 * session.resultSize()];
      expected.run(image, MemorySegment.ofArray(a));
      session.run(image, MemorySegment.ofArray(b));
      assertEquals(MemorySegment.ofArray(a).mismatch(MemorySegment.ofArray(b)), -1);
    }
  }

  @ParameterizedTest
  @EnumSource(Variant.class)
  void moreLanesThanAnyMemoryHoldsAreRefused(Variant variant) {
    Inference options = Inference.batch(1 << 20).variant(variant).lanes(Integer.MAX_VALUE);
    Network network = Catalogue.find("densenet121").orElseThrow();
    GraphSource source = (n, _, _, type) -> network.graph(n, type);
    assertThrows(
        OutOfDeviceMemoryException.class, () -> compile(source, Parameters.initial(0), options));
  }

  private void refused(GraphSource source, String why) {
    GraphException e =
        assertThrows(
            GraphException.class,
            () -> compile(source, Parameters.initial(0), Inference.batch(1, 3)));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private Session compile(GraphSource source, Parameters parameters, Inference options) {
    return Session.compile(source, parameters, options, engines, device);
  }

  private static Graph small(int n, int h, int w, DType type) {
    GraphBuilder g = new GraphBuilder("small", type);
    Value x = g.conv("conv", g.input(n, 3, Math.max(h, 8), Math.max(w, 8)), 8, 3, 1, 1);
    x = g.relu("relu", g.batchNorm("norm", x));
    return g.build(g.linear("fc", g.globalAveragePool("pool", x), 5));
  }

  private static Graph twoBranches(int n, DType type, boolean leftFirst) {
    GraphBuilder g = new GraphBuilder("branches", type);
    Value x = g.input(n, 3, 32, 32);
    Value early = g.conv(leftFirst ? "left" : "right", x, 8, 3, 1, 1);
    Value late = g.conv(leftFirst ? "right" : "left", x, 8, 3, 1, 1);
    Value left = leftFirst ? early : late;
    Value right = leftFirst ? late : early;
    return g.build(g.globalAveragePool("pool", g.concat("both", List.of(left, right))));
  }
}
