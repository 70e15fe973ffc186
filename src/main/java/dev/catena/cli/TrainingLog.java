package dev.catena.cli;

import dev.catena.Evaluation;
import dev.catena.Fit;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;

/**
 * A line for every step, as comma-separated values, in the file as soon as it is known. An epoch's
 * test adds to the line of its last step.
 */
final class TrainingLog implements AutoCloseable {
  private static final String HEAD =
      "step,epoch,learning_rate,loss,accuracy,gradient_norm,seconds,test_loss,test_accuracy";

  private final Writer out;

  /** True while the last line has no end. */
  private boolean open;

  /**
   * Opens the log.
   *
   * @param file null: nothing is written
   * @param firstStep that will be logged
   * @param resumed whether lines of steps before are kept
   */
  TrainingLog(OutputFile file, long firstStep, boolean resumed) throws IOException {
    if (file == null) {
      out = Writer.nullWriter();
      return;
    }
    Path path = file.requireOrdinary("--log");
    List<String> kept =
        resumed && Files.exists(path)
            ? Files.readAllLines(path).stream().filter(l -> isBefore(l, firstStep)).toList()
            : List.of();
    Files.write(path, kept.isEmpty() ? List.of(HEAD) : kept);
    out = Files.newBufferedWriter(path, StandardOpenOption.APPEND);
  }

  private static boolean isBefore(String line, long step) {
    String number = line.substring(0, Math.max(0, line.indexOf(',')));
    return line.equals(HEAD) || number.matches("\\d{1,15}") && Long.parseLong(number) < step;
  }

  void step(Fit.Step step) throws IOException {
    end(",,");
    out.write(
        String.format(
            Locale.ROOT,
            "%d,%d,%s,%s,%.6f,%s,%.6f",
            step.number(),
            step.epoch(),
            step.learningRate(),
            step.result().loss(),
            step.accuracy(),
            step.result().gradientNorm(),
            step.seconds()));
    open = true;
    out.flush();
  }

  void epoch(Fit.Epoch epoch) throws IOException {
    end(epoch.test().map(TrainingLog::columns).orElse(",,"));
    out.flush();
  }

  private static String columns(Evaluation test) {
    return String.format(Locale.ROOT, ",%.6f,%.6f", test.loss(), test.accuracy());
  }

  private void end(String rest) throws IOException {
    if (open) {
      out.write(rest + "\n");
      open = false;
    }
  }

  @Override
  public void close() throws IOException {
    end(",,");
    out.close();
  }
}
