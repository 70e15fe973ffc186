import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What every peer in Java says of its runs; found by Java beside the file that it runs. */
final class Figures {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");
  private static final int WARM = 3;
  private static final int LEAST = 5;

  private Figures() {}

  /** A batch. */
  @FunctionalInterface
  interface Run {
    void once() throws Exception;
  }

  /**
   * Runs for so many seconds after a warm-up. {@code peak_bytes} is the growth of resident memory
   * over the runs alone: weights apart, as in Catena's figures.
   *
   * @return members of a JSON object
   */
  static String of(int batch, double seconds, Run run) throws Exception {
    Files.writeString(CLEAR, "5"); // The high-water mark becomes the present value.
    long before = kilobytes("VmRSS:");
    for (int i = 0; i < WARM; i++) {
      run.once();
    }
    List<Double> times = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    do {
      long start = System.nanoTime();
      run.once();
      times.add((System.nanoTime() - start) / 1e6);
    } while (times.size() < LEAST || System.nanoTime() < end);
    times.sort(null);
    double median = (times.get((times.size() - 1) / 2) + times.get(times.size() / 2)) / 2;
    return String.format(
        Locale.ROOT,
        "\"median_ms\": %.3f, \"min_ms\": %.3f, \"images_per_s\": %.2f, \"peak_bytes\": %d, \"runs\": %d",
        median,
        times.getFirst(),
        batch * 1e3 / median,
        1024 * (kilobytes("VmHWM:") - before),
        times.size());
  }

  private static long kilobytes(String field) throws IOException {
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(field)) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new IOException("no " + field + " in " + STATUS);
  }
}
