package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.HostDevice;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.OutOfDeviceMemoryException;
import dev.catena.error.ParameterException;
import dev.catena.graph.DType;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SessionTest {
  private final Device device = Device.open("host");
  private final Arena arena = Arena.ofShared();
  private Model model;

  @BeforeEach
  void open() {
    model = Fixture.model();
  }

  @AfterEach
  void close() {
    model.close();
    arena.close();
    device.close();
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void allVariantsAgree(DType dtype) {
    float[] unfused = logits(Inference.batch(3).dtype(dtype).variant(Variant.UNFUSED));
    double tolerance =
        switch (dtype) {
          case FP32 -> 1e-5;
          case FP16 -> 1e-2;
          case BF16 -> 8e-2;
        };
    for (Variant variant : List.of(Variant.IN_PLACE, Variant.FUSED)) {
      float[] logits = logits(Inference.batch(3).dtype(dtype).variant(variant));
      double largest = largest(unfused);
      for (int i = 0; i < logits.length; i++) {
        assertEquals(unfused[i], logits[i], tolerance * largest, variant + " at " + i);
      }
    }
  }

  @Test
  void anyNumberOfImagesUpToTheLargestBatchGivesTheSameRows() {
    try (Session session = model.compile(device, Inference.batch(1, 4, 7))) {
      float[] seven = Fixture.run(session, arena, 7);
      for (int count = 1; count < 7; count++) {
        float[] some = Fixture.run(session, arena, count);
        assertRows(seven, some);
      }
    }
  }

  @Test
  void severalBatchSizesShareOneArenaAndOneCopyOfTheWeights() {
    long weights;
    try (Session one = model.compile(device, Inference.batch(8))) {
      weights = one.weightBytes();
    }
    try (Session three = model.compile(device, Inference.batch(1, 2, 8))) {
      assertEquals(weights, three.weightBytes());
      long largest = three.plans().stream().mapToLong(MemoryPlan::peakBytes).max().orElseThrow();
      assertEquals(three.plan().peakBytes(), largest);
      assertTrue(three.arenaBytes() - largest < 2 << 20, "only the allocator's rounding is more");
      assertTrue(three.arenaBytes() >= largest);
    }
  }

  @Test
  void reloadedWeightsAreThoseOfALaterRun() {
    reloads(Inference.batch(1, 2).lanes(2));
  }

  /** Whose filters are packed by objects of the library's. */
  @Test
  void oneDnnPacksReloadedWeights() {
    assumeTrue(
        NativeLibraries.find(NativeLibrary.ONEDNN) instanceof NativeLibrary.Found, "no oneDNN");
    reloads(Inference.batch(1, 2).engine("onednn"));
  }

  private void reloads(Inference options) {
    Parameters others = Parameters.initial(5);
    try (Session session = model.compile(device, options);
        Session other = model.with(others).compile(device, options)) {
      float[] before = Fixture.run(session, arena, 2);
      ParameterException refused =
          assertThrows(
              ParameterException.class,
              () ->
                  session.reload(p -> p.name().startsWith("classifier") ? null : others.values(p)));
      assertTrue(refused.getMessage().contains("classifier"), refused::getMessage);
      assertArrayEquals(before, Fixture.run(session, arena, 2), "refused: nothing changed");
      session.reload(others);
      for (int count = 1; count <= 2; count++) {
        assertArrayEquals(Fixture.run(other, arena, count), Fixture.run(session, arena, count));
      }
      assertEquals(other.weightBytes(), session.weightBytes());
    }
  }

  @Test
  void imagesOfAnotherSize() {
    Inference options = Inference.batch(1).image(40, 24);
    try (Session session = model.compile(device, options)) {
      assertEquals(40, session.height());
      assertEquals(24, session.width());
      MemorySegment images = arena.allocate((long) session.imageSize() * Float.BYTES);
      session.run(images, Fixture.logits(arena, 1));
    }
  }

  @Test
  void arraysGiveTheSameBits() {
    try (Session session = model.compile(device, Inference.batch(2))) {
      float[] images = Fixture.images(arena, 2).toArray(ValueLayout.JAVA_FLOAT);
      assertArrayEquals(Fixture.run(session, arena, 2), session.run(images));
      float[] broken = Arrays.copyOf(images, images.length - 1);
      assertThrows(IllegalArgumentException.class, () -> session.run(broken));
    }
  }

  @Test
  void picturesArePreparedAndRanked() {
    byte[] rgb = new byte[3 * 50 * 40];
    new Random(5).nextBytes(rgb);
    Image image = new Image(50, 40, rgb);
    List<String> names = IntStream.range(0, 10).mapToObj(i -> "kind " + i).toList();
    Inference options = Inference.batch(1);
    try (Session session = model.compile(device, options.names(names));
        Session other = model.compile(device, options.image(32, 24))) {
      float[] logits = session.run(Preprocessing.imageNet(32).apply(image));
      assertEquals(Classification.best(logits, 3, names), session.classify(image, 3));
      Classification first = session.classify(image, 1).getFirst();
      assertEquals("kind " + first.label(), first.name());
      for (float logit : logits) {
        assertTrue(logit <= first.logit());
      }
      assertThrows(IllegalStateException.class, () -> other.classify(image, 1));
    }
    try (Session wrong = model.compile(device, options.names(List.of("one")))) {
      assertThrows(IllegalStateException.class, () -> wrong.classify(image, 1));
    }
  }

  @Test
  void imagesOnTheDeviceGiveTheSameBits() {
    try (Session session = model.compile(device, Inference.batch(1, 4))) {
      for (int count = 1; count <= 4; count++) {
        float[] expected = Fixture.run(session, arena, count);
        MemorySegment images = Fixture.images(arena, count);
        float[] actual = new float[expected.length];
        try (DeviceMemory in = device.allocate(images.byteSize());
            DeviceMemory out = device.allocate(4L * actual.length)) {
          in.upload(images);
          session.run(in.address(), count, out.address());
          out.download(MemorySegment.ofArray(actual));
        }
        assertArrayEquals(expected, actual, "batch " + count);
      }
      assertThrows(IllegalArgumentException.class, () -> session.run(0, 1, 64));
      assertThrows(IllegalArgumentException.class, () -> session.run(64, 1, 0));
      assertThrows(IllegalArgumentException.class, () -> session.run(64, 0, 64));
      assertThrows(IllegalArgumentException.class, () -> session.run(64, 5, 64));
    }
  }

  @Test
  void segmentsOfTheHeapGiveTheSameBits() {
    try (Session session = model.compile(device, Inference.batch(3))) {
      float[] expected = Fixture.run(session, arena, 3);
      float[] images = Fixture.images(arena, 3).toArray(ValueLayout.JAVA_FLOAT);
      float[] actual = new float[expected.length];
      session.run(MemorySegment.ofArray(images), MemorySegment.ofArray(actual));
      assertArrayEquals(expected, actual);
    }
  }

  @Test
  void tellsWhatItTookToBecomeReady() {
    try (Session session = model.compile(device, Inference.batch(1, 2).lanes(2))) {
      WarmUp spent = session.warmUp();
      assertTrue(spent.enginesMs() > 0 && spent.captureMs() > 0 && spent.kernelsMs() > 0);
      assertTrue(spent.totalMs() > spent.enginesMs() + spent.captureMs(), spent.toString());
      try (Session again = model.compile(device, Inference.batch(1))) {
        assertEquals(0, again.warmUp().kernelsMs(), "kernels are loaded once");
        assertEquals(0, again.warmUp().measured(), "without a folder of choices");
      }
    }
  }

  @Test
  void twoRunsGiveTheSameBits() {
    try (Session session = model.compile(device, Inference.batch(2))) {
      assertArrayEquals(Fixture.run(session, arena, 2), Fixture.run(session, arena, 2));
    }
  }

  @Test
  void segmentsOfTheWrongSizeAreRefusedWithTheRightOne() {
    try (Session session = model.compile(device, Inference.batch(2))) {
      MemorySegment two = Fixture.images(arena, 2);
      MemorySegment out = Fixture.logits(arena, 2);
      assertRefused(session, two.asSlice(4), out, "no whole number of images of 12288 bytes");
      assertRefused(session, two.asSlice(0, 0), out, "no whole number of images");
      assertRefused(session, two, out.asSlice(4), "takes 80 bytes, not 76");
      assertRefused(
          session, Fixture.images(arena, 3), out, "3 images are more than the largest batch");
    }
  }

  @Test
  void segmentsThatCannotBeReadOrWrittenAreRefusedAndTheSessionLivesOn() {
    try (Session session = model.compile(device, Inference.batch(1))) {
      float[] expected = Fixture.run(session, arena, 1);
      MemorySegment images;
      try (Arena closed = Arena.ofShared()) {
        images = Fixture.images(closed, 1);
        assertRefused(session, images, Fixture.logits(closed, 1).asReadOnly(), "read-only");
      }
      long launches = HostDevice.of(device).launches();
      MemorySegment open = Fixture.images(Arena.ofAuto(), 1);
      assertThrows(
          IllegalStateException.class, () -> session.run(open, closedSegment(Fixture.CLASSES)));
      try (Arena own = Arena.ofConfined()) {
        MemorySegment ours = Fixture.logits(own, 1);
        Throwable failure = failureInAnotherThread(() -> session.run(open, ours));
        assertInstanceOf(IllegalArgumentException.class, failure);
        assertTrue(failure.getMessage().contains("belongs to another thread"));
      }
      assertEquals(launches, HostDevice.of(device).launches(), "refused after the computation");
      MemorySegment heap = MemorySegment.ofArray(new float[Fixture.CLASSES]);
      assertThrows(IllegalStateException.class, () -> session.run(images, heap));
      assertArrayEquals(expected, Fixture.run(session, arena, 1));
    }
  }

  private static MemorySegment closedSegment(int floats) {
    try (Arena closed = Arena.ofConfined()) {
      return closed.allocate((long) floats * Float.BYTES, Float.BYTES);
    }
  }

  private static Throwable failureInAnotherThread(Runnable run) {
    return assertThrows(CompletionException.class, () -> CompletableFuture.runAsync(run).join())
        .getCause();
  }

  @Test
  void tooLargeABatchSaysWhatIsPlannedFreeAndFits() {
    HostDevice host = HostDevice.of(device);
    host.setMemoryLimit(64L << 20);
    try {
      OutOfDeviceMemoryException e =
          assertThrows(
              OutOfDeviceMemoryException.class, () -> model.compile(device, Inference.batch(4096)));
      assertTrue(e.requested() > e.free(), e.getMessage());
      String advice = e.getMessage().replaceAll(".*a batch of (\\d+) fits.*", "$1");
      int fits = Integer.parseInt(advice);
      try (Session session = model.compile(device, Inference.batch(fits))) {
        assertEquals(fits, session.maxBatch());
      }
      assertThrows(
          OutOfDeviceMemoryException.class, () -> model.compile(device, Inference.batch(2 * fits)));
    } finally {
      host.setMemoryLimit(0);
    }
  }

  @Test
  void aFailedCompilationGivesEverythingBack() {
    long before = device.usedMemory();
    assertThrows(
        IllegalStateException.class,
        () ->
            Fixture.model()
                .with(
                    _ -> {
                      throw new IllegalStateException("no weights today");
                    })
                .compile(device, Inference.batch(2)));
    assertEquals(before, device.usedMemory());
  }

  @Test
  void closingGivesEverythingBackAndLaterRunsAreRefused() {
    long before = device.usedMemory();
    Session session = model.compile(device, Inference.batch(1, 2).lanes(2));
    assertTrue(device.usedMemory() > before);
    session.close();
    session.close();
    assertEquals(before, device.usedMemory());
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> Fixture.run(session, arena, 1));
    assertEquals("the session is closed", e.getMessage());
  }

  @Test
  void anUnknownEngineIsRefusedWithThoseThereAre() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> model.compile(device, Inference.batch(1).engine("magic")));
    assertTrue(e.getMessage().contains("kernel"), e.getMessage());
  }

  @Test
  void everyStepNamesItsEngine() {
    try (Session session = model.compile(device, Inference.batch(1))) {
      assertFalse(session.engines().isEmpty());
      assertTrue(session.launches() >= session.engines().size());
    }
  }

  private float[] logits(Inference options) {
    try (Session session = model.compile(device, options)) {
      float[] logits = Fixture.run(session, arena, 3);
      assertTrue(largest(logits) > 0.1, () -> "mistrusted: " + Arrays.toString(logits));
      return logits;
    }
  }

  private static double largest(float[] values) {
    return IntStream.range(0, values.length)
        .mapToDouble(i -> Math.abs(values[i]))
        .max()
        .orElseThrow();
  }

  /** Rows do not depend on how many images came with them, beyond rounding of other tilings. */
  private static void assertRows(float[] all, float[] some) {
    double tolerance = 1e-5 * largest(all);
    for (int i = 0; i < some.length; i++) {
      assertEquals(all[i], some[i], tolerance);
    }
  }

  private static void assertRefused(
      Session session, MemorySegment images, MemorySegment result, String why) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> session.run(images, result));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }
}
