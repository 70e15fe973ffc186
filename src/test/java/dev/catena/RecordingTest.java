package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Faults;
import dev.catena.error.DeviceException;
import dev.catena.error.OutOfDeviceMemoryException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What Java's Flight Recorder sees of a session. */
@Timeout(240)
class RecordingTest {
  private static final int LAUNCH_FAILED = 719;

  @TempDir private Path folder;

  @Test
  void runsCapturesAllocationsAndChoicesAreEvents() throws IOException {
    try (Recording recording = recording();
        Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1, 2).tuned(folder));
        Arena arena = Arena.ofConfined()) {
      Fixture.run(session, arena, 2);
      Fixture.run(session, arena, 1);

      List<RecordedEvent> events = events(recording);
      List<RecordedEvent> runs = of("SessionRun", events);
      assertEquals(List.of(2, 1), runs.stream().map(r -> r.getInt("images")).toList());
      RecordedEvent run = runs.getFirst();
      assertEquals(Fixture.NAME, run.getString("model"));
      assertEquals("host", run.getString("device"));
      assertEquals(session.launches(), run.getInt("launches"));
      assertEquals(2L * session.imageSize() * Float.BYTES, run.getLong("bytesIn"));
      assertEquals(2L * session.resultSize() * Float.BYTES, run.getLong("bytesOut"));
      assertTrue(run.getDuration().toNanos() > 0, run.toString());

      List<RecordedEvent> captures = of("Capture", events);
      assertEquals(List.of(1, 2), captures.stream().map(c -> c.getInt("batch")).toList());
      assertEquals(session.plan().peakBytes(), captures.getLast().getLong("planned"));
      assertTrue(
          of("Allocation", events).stream()
              .anyMatch(a -> a.getLong("bytes") == session.plan().peakBytes()),
          "the arena was not recorded");
      List<RecordedEvent> choices = of("TunerChoice", events);
      assertFalse(choices.isEmpty());
      for (RecordedEvent choice : choices) {
        String engine = choice.getString("engine");
        assertTrue(choice.getString("times").contains(engine + "="), choice.toString());
      }
    }
  }

  @Test
  void aLossIsOneEventAndARefusedAllocationSaysSo() throws IOException {
    try (Recording recording = recording();
        Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1));
        Arena arena = Arena.ofConfined()) {
      assertThrows(OutOfDeviceMemoryException.class, () -> device.allocate(1L << 60));
      try {
        Faults.inject(device, null, 1, LAUNCH_FAILED, true);
        for (int i = 0; i < 3; i++) {
          assertThrows(DeviceException.class, () -> Fixture.run(session, arena, 1));
        }
      } finally {
        Faults.clear(device);
      }
      List<RecordedEvent> events = events(recording);
      RecordedEvent loss = of("DeviceLoss", events).getFirst();
      assertEquals(1, of("DeviceLoss", events).size());
      assertEquals(LAUNCH_FAILED, loss.getInt("code"));
      assertEquals("host", loss.getString("device"));
      RecordedEvent refused =
          of("Allocation", events).stream()
              .filter(a -> !a.getBoolean("succeeded"))
              .findFirst()
              .orElseThrow();
      assertEquals(1L << 60, refused.getLong("bytes"));
      assertTrue(of("SessionRun", events).isEmpty());
    }
  }

  @Test
  void aStepOfTrainingIsAnEvent() throws IOException {
    try (Recording recording = recording();
        Device device = Device.open("host");
        Trainer trainer = TinyTraining.trainer(device, TinyTraining.options())) {
      List<StepResult> results = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        results.add(trainer.step(TinyTraining.images(i), TinyTraining.labels(i), 0.1f));
      }
      List<RecordedEvent> steps = of("TrainingStep", events(recording));
      assertEquals(List.of(0L, 1L), steps.stream().map(s -> s.getLong("step")).toList());
      for (int i = 0; i < 2; i++) {
        RecordedEvent step = steps.get(i);
        assertEquals(results.get(i).loss(), step.getFloat("loss"));
        assertEquals(results.get(i).gradientNorm(), step.getFloat("gradientNorm"));
        assertEquals(0.1f, step.getFloat("learningRate"));
        assertTrue(step.getBoolean("applied"));
        assertEquals("tiny", step.getString("model"));
        assertEquals(trainer.launches(), step.getInt("launches"));
        assertEquals(trainer.plan().peakBytes() + trainer.state().bytes(), step.getLong("planned"));
        long images = (trainer.imageSize() + 1L) * TinyTraining.BATCH;
        assertEquals(images * Float.BYTES, step.getLong("bytesIn"));
        assertTrue(step.getDuration().toNanos() > 0, step.toString());
      }
    }
  }

  @Test
  void theDevicesTimeIsOfTheOrderOfARuns() {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(2));
        Arena arena = Arena.ofConfined()) {
      MemorySegment images = Fixture.images(arena, 2);
      MemorySegment result = arena.allocate(2L * session.resultSize() * Float.BYTES, 4);
      double all = Double.MAX_VALUE;
      for (int i = 0; i < 20; i++) {
        long start = System.nanoTime();
        session.run(images, result);
        all = Math.min(all, (System.nanoTime() - start) / 1e6);
      }
      double median = session.deviceMillis(20);
      assertTrue(median > 0, "no time at all");
      assertTrue(median < 10 * all, median + " ms, but a run took " + all);
      assertThrows(IllegalArgumentException.class, () -> session.deviceMillis(0));
    }
  }

  @Test
  void aProfileNamesEachStepOnceWithItsEngineAndTime() {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(2));
        Arena arena = Arena.ofConfined()) {
      List<StepTime> profile = session.profile(Fixture.images(arena, 2), 3);
      assertEquals(
          session.engines(),
          profile.stream().map(s -> new StepEngine(s.step(), s.engine())).toList());
      assertEquals(session.launches(), profile.stream().mapToInt(StepTime::launches).sum());
      assertTrue(profile.stream().allMatch(s -> s.millis() >= 0 && !s.operation().isEmpty()));
      assertTrue(profile.stream().mapToDouble(StepTime::millis).sum() > 0);
      assertThrows(
          IllegalArgumentException.class, () -> session.profile(Fixture.images(arena, 1), 3));
      assertThrows(
          IllegalArgumentException.class, () -> session.profile(Fixture.images(arena, 2), 0));
    }
  }

  private static Recording recording() {
    Recording recording = new Recording();
    for (String name :
        List.of("SessionRun", "TrainingStep", "Capture", "Allocation", "TunerChoice")) {
      recording.enable("dev.catena." + name).withoutThreshold();
    }
    recording.enable("dev.catena.DeviceLoss");
    recording.start();
    return recording;
  }

  private List<RecordedEvent> events(Recording recording) throws IOException {
    Path file = folder.resolve("recording.jfr");
    recording.stop();
    recording.dump(file);
    return RecordingFile.readAllEvents(file);
  }

  /** Of one kind, in the order of their beginnings. */
  private static List<RecordedEvent> of(String name, List<RecordedEvent> events) {
    return events.stream()
        .filter(e -> e.getEventType().getName().equals("dev.catena." + name))
        .sorted((a, b) -> a.getStartTime().compareTo(b.getStartTime()))
        .toList();
  }
}
