package dev.catena.cli;

import dev.catena.report.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A command's result: text for people, JSON for programs. */
final class Output {
  private static final int USUAL_WIDTH = 80;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--json",
      paramLabel = "FILE|-",
      description = "Write the result as JSON to a file, or alone to standard output.")
  private OutputFile json;

  @Option(
      names = "--wide",
      description = "Print every column of a table, however wide the terminal is.")
  private boolean wide;

  /** Characters in a line of text: the terminal's, or {@value #USUAL_WIDTH} where there is none. */
  int width() {
    if (wide) {
      return Integer.MAX_VALUE;
    }
    return Progress.isTerminal(1) ? command.usageMessage().width() : USUAL_WIDTH;
  }

  /** Prints {@code text} unless JSON has standard output to itself, and writes JSON if asked. */
  void result(String text, Object value) throws IOException {
    if (json == null || !json.isStandardOutput()) {
      out().print(printable(text));
      out().flush();
    }
    if (json != null) {
      json.write(Json.text(value), out());
    }
  }

  /** Writes a file that is not the result itself. */
  void write(OutputFile file, String text) throws IOException {
    file.write(text, out());
  }

  /** A line on standard error, in the place of a progress bar that may be there. */
  void say(String line) {
    String clear = Progress.isTerminal(2) ? "\r\u001b[K" : "";
    command.commandLine().getErr().println(clear + "catena: " + line);
  }

  private PrintWriter out() {
    return command.commandLine().getOut();
  }

  /** Without the few characters of tables that an old terminal cannot show. */
  private static String printable(String text) {
    Charset charset = System.out.charset();
    return charset.newEncoder().canEncode("─–µ")
        ? text
        : text.replace('─', '-').replace('–', '-').replace('µ', 'u');
  }
}
