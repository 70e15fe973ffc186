package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ProgressBar;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What is left of a training that does not come to its end. */
@Tag("slow")
class InterruptedTrainingTest {
  private static final int STEPS = 60;
  private static final int KILLS = 3;

  @TempDir private Path folder;
  private Path data;
  private Path save;

  @BeforeEach
  void files() throws IOException {
    data = Samples.images(folder.resolve("data.safetensors"), 10, 0, 9);
    save = folder.resolve("run.safetensors");
  }

  /** Killed while it saves after every step: whatever is there then is whole, and goes on. */
  @Test
  void aKillLosesNothingThatWasSaved() throws Exception {
    Path whole = folder.resolve("whole.safetensors");
    assertEquals(0, Cli.run(training(whole)).code());
    for (int kill = 0; kill < KILLS; kill++) {
      Process process = child().start(Main.class, resuming());
      long before = saved();
      while (saved() == before && process.isAlive()) {
        Thread.sleep(1);
      }
      // At another moment of a step each time.
      Thread.sleep(7L * kill);
      assertTrue(process.isAlive(), () -> said(process));
      process.destroyForcibly();
      assertTrue(process.waitFor(1, TimeUnit.MINUTES));
    }
    Cli.Result rest = Cli.run(resuming());
    assertEquals(0, rest.code(), rest.err());
    Samples.assertSame(whole, save);
  }

  /** The step under way is finished, logged and saved. */
  @Test
  void anInterruptEndsAfterItsStep() throws Exception {
    Path log = folder.resolve("run.csv");
    List<String> arguments = new ArrayList<>(List.of(training(save)));
    arguments.addAll(List.of("--log", log.toString()));
    arguments.set(arguments.indexOf("--save-every") + 1, "1000");
    arguments.set(arguments.indexOf("--steps") + 1, "100000");
    Process process = child().start(Main.class, arguments.toArray(String[]::new));
    while (process.isAlive() && (!Files.exists(log) || Files.readAllLines(log).size() < 3)) {
      Thread.sleep(5);
    }
    assertTrue(process.isAlive(), () -> said(process));
    new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor();
    assertTrue(process.waitFor(1, TimeUnit.MINUTES));
    String said = said(process);
    assertEquals(130, process.exitValue(), said);
    assertTrue(said.contains("ending after this step and its checkpoint"), said);
    List<String> lines = Files.readAllLines(log);
    assertTrue(lines.getLast().endsWith(",,"), lines.getLast());
    try (SafeTensors saved = SafeTensors.open(save)) {
      assertEquals("" + (lines.size() - 1), saved.metadata().get("catena.steps"));
    }
  }

  /** A limit of the system to a file's size stands for the disk: writing fails half way. */
  @Test
  void aFullDiskKeepsTheOlderCheckpoint() throws Exception {
    byte[] older = "an older checkpoint".getBytes();
    Files.write(save, older);
    ChildJvm.Result result =
        child()
            .behind("sh", "-c", "ulimit -f 2048; exec \"$@\"", "sh")
            .run(Main.class, training(save));
    assertEquals(2, result.status(), result.said());
    assertTrue(
        result.said().startsWith("catena: ") && result.said().contains(save.toString()),
        result.said());
    assertArrayEquals(older, Files.readAllBytes(save));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(data, save), files.filter(Files::isRegularFile).sorted().toList());
    }
  }

  private ChildJvm child() {
    return new ChildJvm()
        .with("XDG_CACHE_HOME", folder.resolve("cache").toString())
        .with(CommandLine.class)
        .with(ProgressBar.class)
        .with(JsonFactory.class);
  }

  private String[] resuming() {
    List<String> all = new ArrayList<>(List.of(training(save)));
    if (Files.exists(save)) {
      all.addAll(List.of("--resume", save.toString()));
    }
    return all.toArray(String[]::new);
  }

  private String[] training(Path file) {
    List<String> all = new ArrayList<>(List.of("train", Cli.MODEL, "--steps", "" + STEPS));
    all.addAll(List.of("--device host --no-tune --lr 0.01 --batch 4 --save-every 1".split(" ")));
    all.addAll(List.of("--data", data.toString(), "--save", file.toString()));
    return all.toArray(String[]::new);
  }

  private long saved() throws IOException {
    return Files.exists(save) ? Files.getLastModifiedTime(save).to(TimeUnit.NANOSECONDS) : 0;
  }

  private static String said(Process process) {
    try {
      return new String(process.getInputStream().readAllBytes());
    } catch (IOException e) {
      return e.toString();
    }
  }
}
