package dev.catena.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the assembler said of each kernel at build time: {@code kernels/ptxas-report.txt}.
 * Immutable.
 */
public final class AssemblerReport {
  private static final Pattern ENTRY =
      Pattern.compile("Compiling entry function '(\\w+)'.*'(\\w+)'");
  private static final Pattern USED = Pattern.compile("Used (\\d+) registers.*");
  private static final Pattern SHARED = Pattern.compile(".* (\\d+) bytes smem.*");

  private final Map<String, Resources> kernels = new HashMap<>();

  /**
   * The resources of a kernel: registers of a thread, shared memory of a block that is not dynamic.
   */
  public record Resources(int registers, int sharedBytes) {}

  private AssemblerReport() {}

  /** The report of this build; without kernels if it was built without nvcc. */
  public static AssemblerReport read() {
    AssemblerReport report = new AssemblerReport();
    try (InputStream in =
        AssemblerReport.class.getResourceAsStream("/dev/catena/kernels/ptxas-report.txt")) {
      if (in != null) {
        report.parse(new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read ptxas-report.txt", e);
    }
    return report;
  }

  private void parse(BufferedReader lines) throws IOException {
    String key = "";
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Matcher entry = ENTRY.matcher(line);
      Matcher used = USED.matcher(line);
      if (entry.matches()) {
        key = entry.group(2) + " " + entry.group(1);
      } else if (used.matches()) {
        Matcher shared = SHARED.matcher(line);
        int bytes = shared.matches() ? Integer.parseInt(shared.group(1)) : 0;
        kernels.put(key, new Resources(Integer.parseInt(used.group(1)), bytes));
      }
    }
  }

  /**
   * Of {@code kernel} on the architecture next to {@code capability} that the report has; of two
   * images, the one that the device takes.
   */
  public Optional<Resources> of(String kernel, int capability) {
    List<String> architectures =
        capability >= 90 ? List.of("sm_90a", "sm_90", "sm_80") : List.of("sm_80");
    return architectures.stream()
        .map(architecture -> kernels.get(architecture + " " + kernel))
        .filter(resources -> resources != null)
        .findFirst();
  }
}
