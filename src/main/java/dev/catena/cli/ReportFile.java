package dev.catena.cli;

import dev.catena.device.Device;
import dev.catena.device.Environment;
import dev.catena.plan.TrainingState;
import dev.catena.report.Page;
import dev.catena.report.ReportedVariant;
import java.io.IOException;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The option {@code --report}: a result as a page of charts and tables. */
final class ReportFile {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--report",
      paramLabel = "FILE.html",
      description =
          "Write one self-contained page: memory over the steps by owner, what makes each peak,"
              + " time per layer where it is measured, all figures, and how they were made.")
  private OutputFile file;

  /** Bytes that a trainer keeps on the device between steps, by owner. */
  static Map<String, Long> resident(TrainingState state) {
    long gradients = state.copies() - state.gradients();
    Map<String, Long> resident = new LinkedHashMap<>();
    resident.put("parameters", state.weightBytes());
    resident.put("optimizer", state.optimizerBytes() - gradients);
    resident.put("parameter_gradients", gradients);
    return resident;
  }

  /** True if a report was asked for. */
  boolean isWanted() {
    return file != null;
  }

  /**
   * Writes the page if it was asked for.
   *
   * @param summary what a reader with little time should read, line by line
   * @param result with a component {@code variants}
   * @param device that it ran on, or null
   */
  void write(
      Output output,
      String title,
      List<String> summary,
      Record result,
      Device device,
      List<ReportedVariant> variants)
      throws IOException {
    if (isWanted()) {
      output.write(
          file, Page.of(title, summary, commandLine(), environment(device), result, variants));
    }
  }

  /** As a shell would take it. */
  private String commandLine() {
    return command.root().commandLine().getParseResult().originalArgs().stream()
        .map(word -> word.matches("[\\w./:,=@+-]+") ? word : "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" ", "./catena ", ""));
  }

  private static Map<String, String> environment(Device device) {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("Catena", new Main.Version().getVersion()[0]);
    environment.put("Device", device == null ? "none: planned, not run" : device.describe());
    environment.put(
        "System",
        "%s %s, %s, %d processors"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors()));
    environment.put("Java", System.getProperty("java.vm.name") + " " + Runtime.version());
    Environment found = Environment.inspect();
    environment.put(
        "Kernels", found.kernelHash() + ", " + String.join(", ", found.architectures()));
    for (Environment.Library library : found.libraries()) {
      String version = library.version().orElse("of unknown version");
      environment.put(library.name(), library.found() ? version : "absent");
    }
    environment.put(
        "Date",
        ZonedDateTime.now(ZoneId.systemDefault()).format(DateTimeFormatter.RFC_1123_DATE_TIME));
    return environment;
  }
}
