package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * PyTorch, in the Python environment that {@code bench/peers/setup.sh} makes: the folder that
 * CATENA_ORACLE names, or target/oracle. One process serves all tests of this JVM and ends with it.
 */
final class Oracle {
  private static final Path SCRIPTS = Path.of("src", "test", "python");

  private static Oracle running;

  private final Writer commands;
  private final BufferedReader answers;

  private Oracle(Path python) throws IOException {
    Process process =
        new ProcessBuilder(python.toString(), SCRIPTS.resolve("oracles.py").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    commands = process.outputWriter();
    answers = process.inputReader();
  }

  /** Runs one of the scripts of src/test/python; skips the test where there is no environment. */
  static synchronized void run(String script, List<String> arguments) throws IOException {
    String folder = System.getenv().getOrDefault("CATENA_ORACLE", "target/oracle");
    Path python = Path.of(folder, "bin", "python");
    assumeTrue(
        Files.isExecutable(python),
        () -> "no PyTorch: there is no " + python + "; bench/peers/setup.sh makes it");
    if (running == null) {
      running = new Oracle(python);
    }
    String command = script + "\t" + String.join("\t", arguments);
    running.commands.write(command + "\n");
    running.commands.flush();
    String answer = running.answers.readLine();
    assertEquals("null", answer, () -> command + "\n" + answer);
  }
}
