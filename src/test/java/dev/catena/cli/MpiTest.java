package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ProgressBar;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Ranks that are processes, under the launchers of Open MPI and MPICH. */
@Timeout(240)
@Tag("slow")
class MpiTest {
  @TempDir private Path folder;
  private Path data;
  private Path save;

  @BeforeEach
  void files() throws IOException {
    data = Samples.images(folder.resolve("data.safetensors"), 10, 0, 9);
    save = folder.resolve("run.safetensors");
  }

  /** What two ranks add up has the same bits in either order. */
  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void twoProcessesMakeTheStepsOfTwoThreads(String mpi) throws Exception {
    Path local = folder.resolve("local.safetensors");
    List<String> threads = training(local, 3);
    threads.addAll(List.of("--device", "host,host"));
    assertEquals(0, Cli.run(threads.toArray(String[]::new)).code());
    ChildJvm.Result result = mpirun(mpi, 2).run(Main.class, processes(save, 3));
    assertEquals(0, result.status(), result.said());
    assertEquals(-1, Files.mismatch(local, save));
    assertEquals(2, result.said().split("epoch 1,", -1).length, result.said());
  }

  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void fourProcessesGiveTheSameBitsEveryTime(String mpi) throws Exception {
    Path again = folder.resolve("again.safetensors");
    for (Path file : List.of(save, again)) {
      ChildJvm.Result result = mpirun(mpi, 4).run(Main.class, processes(file, 2));
      assertEquals(0, result.status(), result.said());
    }
    assertEquals(-1, Files.mismatch(save, again));
  }

  /** Whichever rank is killed, the others end, the launcher says so, and what is saved is whole. */
  @ParameterizedTest
  @ValueSource(strings = {"openmpi 0", "openmpi 1", "mpich 0", "mpich 1"})
  void aKilledRankEndsTheOthers(String which) throws Exception {
    String mpi = which.split(" ")[0];
    String rank = which.split(" ")[1];
    Process process = mpirun(mpi, 2).start(Main.class, processes(save, 10_000));
    while (!Files.exists(save) && process.isAlive()) {
      Thread.sleep(10);
    }
    List<ProcessHandle> ranks = process.descendants().filter(p -> rank(p) != null).toList();
    assertEquals(2, ranks.size());
    ranks.stream().filter(p -> rank.equals(rank(p))).forEach(ProcessHandle::destroyForcibly);
    String said = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(30, TimeUnit.SECONDS), "the launcher still runs");
    assertNotEquals(0, process.exitValue());
    // Under MPICH the other rank may end first, where UCX reads the memory of the one that is gone.
    assertTrue(said.contains(mpi.equals("mpich") ? "BAD TERMINATION" : "signal 9"), said);
    for (ProcessHandle other : ranks) {
      other.onExit().get(30, TimeUnit.SECONDS);
    }
    List<String> rest = training(folder.resolve("rest.safetensors"), 1);
    rest.addAll(List.of("--resume", save.toString()));
    Cli.Result resumed = Cli.run(rest.toArray(String[]::new));
    assertEquals(0, resumed.code(), resumed.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void aRankThatFailsIsNamed(String mpi) throws Exception {
    Path none = folder.resolve("none.safetensors");
    ChildJvm.Result result = differing(mpi, "--data", none.toString());
    assertNotEquals(0, result.status());
    assertTrue(
        result.said().contains("rank 1 failed: " + none + ": there is no such file"),
        result.said());

    ChildJvm.Result other = differing(mpi, "--seed", "5");
    assertNotEquals(0, other.status());
    String sentence = "catena: rank 1 differs from rank 0 in its seed";
    assertEquals(2, other.said().split(sentence, -1).length, other.said());
  }

  /** Rank 1 has another value of an option. */
  private ChildJvm.Result differing(String mpi, String option, String value) throws Exception {
    String shell =
        "[ \"${OMPI_COMM_WORLD_RANK:-$PMI_RANK}\" = 0 ] && exec \"$@\" || exec \"$@\" %s %s"
            .formatted(option, value);
    List<String> same = new ArrayList<>(Arrays.asList(processes(save, 2)));
    int at = same.indexOf(option);
    if (at >= 0) {
      // An option may be given once; the first rank has it from here.
      String first = same.remove(at + 1);
      same.remove(at);
      shell = shell.replaceFirst("exec \"\\$@\"", "exec \"\\$@\" " + option + " " + first);
    }
    return mpirun(mpi, 2, "sh", "-c", shell, "rank").run(Main.class, same.toArray(String[]::new));
  }

  private static String rank(ProcessHandle process) {
    try {
      String environment = Files.readString(Path.of("/proc/" + process.pid() + "/environ"));
      return Arrays.stream(environment.split("\0"))
          .filter(v -> v.startsWith("OMPI_COMM_WORLD_RANK=") || v.startsWith("PMI_RANK="))
          .map(v -> v.substring(v.indexOf('=') + 1))
          .findFirst()
          .orElse(null);
    } catch (IOException e) {
      return null;
    }
  }

  private ChildJvm mpirun(String mpi, int count, String... more) {
    String command = "/usr/bin/mpirun." + mpi;
    assumeTrue(
        Files.isExecutable(Path.of(command)), "no " + command + ": install openmpi-bin and mpich");
    List<String> prefix = new ArrayList<>(List.of(command, "-np", "" + count));
    prefix.addAll(List.of(more));
    return new ChildJvm("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        .with("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .with("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .with("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .with("OMPI_MCA_hwloc_base_binding_policy", "none")
        .with("OMPI_MCA_mpi_yield_when_idle", "1")
        .with(CommandLine.class)
        .with(JsonFactory.class)
        .with(ProgressBar.class)
        .behind(prefix.toArray(String[]::new));
  }

  private String[] processes(Path file, int steps) {
    List<String> words = training(file, steps);
    words.addAll(List.of("--device", "host", "--threads", "1", "--save-every", "1"));
    return words.toArray(String[]::new);
  }

  private List<String> training(Path file, int steps) {
    List<String> words = new ArrayList<>(List.of("train", Cli.MODEL, "--no-tune", "--no-augment"));
    words.addAll(List.of("--data", data.toString(), "--batch", "4", "--steps", "" + steps));
    words.addAll(List.of("--save", file.toString()));
    return words;
  }
}
