package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** Runs the command line in this process, its streams captured. */
final class Cli {
  /** A network small enough to be run by tests. */
  static final String MODEL = "densenet-bc-40-12";

  private Cli() {}

  /** What a command left. */
  record Result(int code, String out, String err) {
    /** Standard output, which must be one JSON object alone. */
    @SuppressWarnings("unchecked")
    Map<String, Object> json() throws IOException {
      return (Map<String, Object>) JsonTree.parse(out);
    }

    /** Asserts exit code 2 and one sentence on standard error, nothing on standard output. */
    String complaint() {
      assertEquals(2, code, err);
      assertEquals("", out);
      List<String> lines = err.lines().toList();
      assertEquals(1, lines.size(), err);
      assertEquals("catena: ", err.substring(0, 8));
      return err;
    }
  }

  static Result run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int code = command.execute(arguments);
    return new Result(code, out.toString(), err.toString());
  }
}
