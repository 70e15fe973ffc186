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
        .setConsumer(isSeen() ? new ConsoleProgressBarConsumer(System.err) : new Silent())
        .build();
  }

  /** Whether standard error is a terminal, whatever standard output is. */
  private static boolean isSeen() {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/2")).startsWith("/dev/pts");
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
