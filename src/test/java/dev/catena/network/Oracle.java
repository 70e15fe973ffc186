package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * PyTorch, in the Python environment that {@code bench/peers/setup.sh} makes: the folder that
 * CATENA_ORACLE names, or target/oracle.
 */
final class Oracle {
  private static final Path SCRIPTS = Path.of("src", "test", "python");

  private Oracle() {}

  /** Runs one of the scripts of src/test/python; skips the test where there is no environment. */
  static void run(String script, List<String> arguments) throws IOException, InterruptedException {
    String folder = System.getenv().getOrDefault("CATENA_ORACLE", "target/oracle");
    Path python = Path.of(folder, "bin", "python");
    assumeTrue(
        Files.isExecutable(python),
        () -> "no PyTorch: there is no " + python + "; bench/peers/setup.sh makes it");
    List<String> command = new ArrayList<>();
    command.add(python.toString());
    command.add(SCRIPTS.resolve(script).toString());
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), () -> String.join(" ", command) + "\n" + output);
  }
}
