package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Network;
import dev.catena.model.Catalogue;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever fails in the middle of a compilation, what was made before is given back. */
class CompileFailureTest {
  private static final Network NETWORK = Catalogue.find("densenet-bc-40-12").orElseThrow();

  @ParameterizedTest
  @CsvSource({"prepare, 20", "prepare, 100", "enqueue, 1", "enqueue, 30", "enqueue, 200"})
  void everyPreparedLaunchIsClosed(String where, int call) {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Failing engine = new Failing(where, call);
      Engines engines = new Engines(device, List.of(engine), Optional.empty(), Optional.empty());
      GraphSource source = (n, _, _, type) -> NETWORK.graph(n, type);
      Inference options = Inference.batch(1, 2).dtype(DType.FP32).lanes(2);
      AssertionError e =
          assertThrows(
              AssertionError.class,
              () -> Session.compile(source, Parameters.initial(0), options, engines, device));
      assertEquals(where, e.getMessage());
      assertTrue(engine.prepared > 0, "something was made before");
      assertEquals(engine.prepared, engine.closed);
      assertEquals(before, device.usedMemory());
    }
  }

  @ParameterizedTest
  @CsvSource({"prepare, 20", "prepare, 200", "enqueue, 1", "enqueue, 200"})
  void everyPreparedLaunchOfATrainerIsClosed(String where, int call) {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Failing engine = new Failing(where, call);
      Engines engines = new Engines(device, List.of(engine), Optional.empty(), Optional.empty());
      GraphSource source = (n, _, _, type) -> NETWORK.graph(n, type);
      AssertionError e =
          assertThrows(
              AssertionError.class,
              () ->
                  Trainer.compile(
                      source, Parameters.initial(0), Training.batch(2), engines, device));
      assertEquals(where, e.getMessage());
      assertEquals(engine.prepared, engine.closed);
      assertEquals(before, device.usedMemory());
    }
  }

  /** Computes nothing, and that but so many times. */
  private static final class Failing implements Engine {
    private final String where;
    private int left;
    private int prepared;
    private int closed;

    Failing(String where, int call) {
      this.where = where;
      this.left = call;
    }

    @Override
    public String name() {
      return "failing";
    }

    @Override
    public Offers offers(Problem problem, Device device) {
      return Offers.of(new Offer(name(), 0, binding -> prepare(problem, binding)));
    }

    private Work prepare(Problem problem, Binding binding) {
      countDown("prepare");
      for (int i = 0; i < problem.inputs().size(); i++) {
        if (problem.input(i).layout() == Layout.PARAMETER) {
          binding.constant(i, "fp32", 4, (_, _) -> {});
        }
      }
      prepared++;
      return new Work() {
        @Override
        public void enqueue(Stream stream) {
          countDown("enqueue");
        }

        @Override
        public int launches() {
          return 1;
        }

        @Override
        public void close() {
          closed++;
        }
      };
    }

    private void countDown(String here) {
      if (where.equals(here) && --left == 0) {
        throw new AssertionError(here);
      }
    }
  }
}
