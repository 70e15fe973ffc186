package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import dev.catena.device.Device;
import dev.catena.device.Faults;
import java.nio.file.Path;
import me.tongfei.progressbar.ProgressBar;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What only a process of its own shows: exit codes, the log, absent libraries. */
@Tag("slow")
class ProcessTest {
  private static final String[] COMPARE = {
    "compare", Cli.MODEL, "--batch", "1", "--rounds", "1", "--variants", "fused", "--no-tune"
  };

  @TempDir private Path cache;

  /** A process without GPU, whatever the machine has. */
  private ChildJvm child(String... options) {
    String[] all = new String[options.length + 1];
    System.arraycopy(options, 0, all, 1, options.length);
    all[0] = "-Dcatena.cuda.path=" + cache.resolve("absent.so");
    return new ChildJvm(all)
        .with("XDG_CACHE_HOME", cache.toString())
        .with(CommandLine.class)
        .with(ProgressBar.class)
        .with(JsonFactory.class);
  }

  private static String[] compare(String... more) {
    String[] all = new String[COMPARE.length + more.length];
    System.arraycopy(COMPARE, 0, all, 0, COMPARE.length);
    System.arraycopy(more, 0, all, COMPARE.length, more.length);
    return all;
  }

  @Test
  void isQuietUnlessAsked() throws Exception {
    ChildJvm.Result quiet = child().run(Main.class, compare());
    assertEquals(0, quiet.status(), quiet.said());
    assertTrue(quiet.said().startsWith(Cli.MODEL + ", batch 1, fp32\n"), quiet.said());
    ChildJvm.Result verbose = child().run(Main.class, compare("-v"));
    assertEquals(0, verbose.status(), verbose.said());
    assertTrue(verbose.said().contains("catena: Catena runs on host"), verbose.said());
  }

  @Test
  void endsWithTwoWhereThereIsNoGpu() throws Exception {
    ChildJvm.Result result = child().run(Main.class, compare("--device", "cuda:0"));
    assertEquals(2, result.status(), result.said());
    assertEquals(1, result.said().lines().count(), result.said());
    assertTrue(result.said().startsWith("catena: cuda:0 is not available: "), result.said());
    assertTrue(result.said().contains("install the NVIDIA driver"), result.said());
  }

  @Test
  void refusesAnEngineWhoseLibraryIsAbsent() throws Exception {
    ChildJvm.Result result =
        child("-Dcatena.onednn.path=" + cache.resolve("absent.so"))
            .run(Main.class, compare("--engine", "onednn"));
    assertEquals(2, result.status(), result.said());
    assertEquals(1, result.said().lines().count(), result.said());
    assertTrue(
        result.said().startsWith("catena: --engine onednn: libdnnl.so.3 was not found"),
        result.said());
  }

  @Test
  void endsWithThreeAndATraceWhereTheFaultIsOurs() throws Exception {
    ChildJvm.Result result = child().run(Faulty.class, compare());
    assertEquals(3, result.status(), result.said());
    assertTrue(result.said().contains("this is a fault of Catena"), result.said());
    assertTrue(result.said().contains("\tat dev.catena.device."), result.said());
    assertFalse(result.said().contains(Cli.MODEL), result.said());
  }

  /** The command line on a host that loses its context. */
  static final class Faulty {
    private static final int ILLEGAL_ADDRESS = 700;

    private Faulty() {}

    public static void main(String[] arguments) {
      try (Device device = Device.open("host")) {
        Faults.inject(device, null, 0, ILLEGAL_ADDRESS, true);
        Main.main(arguments);
      }
    }
  }
}
