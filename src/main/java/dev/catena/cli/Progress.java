package dev.catena.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress on standard error, for people only: nothing is drawn where there is no terminal. */
final class Progress {
  private Progress() {}

  /**
   * A bar.
   *
   * @param task what is under way
   * @param steps how many there are, or -1 if nobody knows
   */
  static ProgressBar bar(String task, long steps) {
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(steps)
            .setUpdateIntervalMillis(200)
            .setStyle(ProgressBarStyle.ASCII)
            .clearDisplayOnFinish();
    return builder
        .setConsumer(isTerminal(2) ? new ConsoleProgressBarConsumer(System.err) : new Silent())
        .build();
  }

  /** True if a stream is a terminal, whatever the others are: 1 is standard output, 2 error. */
  static boolean isTerminal(int stream) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/" + stream)).startsWith("/dev/pts");
    } catch (IOException | UnsupportedOperationException _) {
      return System.console() != null && System.console().isTerminal();
    }
  }

  private static final class Silent implements ProgressBarConsumer {
    @Override
    public int getMaxRenderedLength() {
      return 80;
    }

    @Override
    public void accept(String rendered) {}

    @Override
    public void close() {}
  }
}
