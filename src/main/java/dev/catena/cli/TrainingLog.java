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

/** A line for every step, as comma-separated values; what is known is there after a kill too. */
final class TrainingLog implements AutoCloseable {
  private static final String HEAD =
      "step,epoch,learning_rate,loss,accuracy,gradient_norm,seconds,test_loss,test_accuracy";

  private final Writer out;

  /** The line of the last step, to which an epoch's end may add. */
  private String pending = "";

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
    flush(",,");
    pending =
        String.format(
            Locale.ROOT,
            "%d,%d,%s,%s,%.6f,%s,%.6f",
            step.number(),
            step.epoch(),
            step.learningRate(),
            step.result().loss(),
            step.accuracy(),
            step.result().gradientNorm(),
            step.seconds());
  }

  void epoch(Fit.Epoch epoch) throws IOException {
    flush(epoch.test().map(TrainingLog::columns).orElse(",,"));
    out.flush();
  }

  private static String columns(Evaluation test) {
    return String.format(Locale.ROOT, ",%.6f,%.6f", test.loss(), test.accuracy());
  }

  private void flush(String rest) throws IOException {
    if (!pending.isEmpty()) {
      out.write(pending + rest + "\n");
      pending = "";
    }
  }

  @Override
  public void close() throws IOException {
    flush(",,");
    out.close();
  }
}
