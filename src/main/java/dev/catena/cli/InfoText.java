package dev.catena.cli;

import dev.catena.device.Environment;
import dev.catena.report.Units;
import java.util.List;
import java.util.stream.Collectors;

/** The result of {@code info} as text: a word to the left, its lines to the right. */
final class InfoText {
  private static final int LEFT = 10;

  private final StringBuilder text = new StringBuilder();
  private final int width;

  private InfoText(int width) {
    this.width = width;
  }

  static String of(Info.Found found, List<Environment.Library> libraries, int width) {
    InfoText info = new InfoText(width);
    info.entry("java", found.java());
    found.devices().forEach(info::device);
    info.entry(
        "kernels",
        "%s (hash %s)"
            .formatted(String.join(", ", found.kernelArchitectures()), found.kernelHash()));
    info.entry(
        "nvcc",
        switch (found.nvcc()) {
          case "absent" ->
              "not there when this was built, so there are no kernels for GPUs; to have them,"
                  + " build where the CUDA toolkit is installed";
          case "unused" ->
              "not used, since there was no GPU; `mvn -DskipTests package` builds the kernels for"
                  + " GPUs";
          default -> found.nvcc() + ", when this was built";
        });
    libraries.forEach(info::library);
    info.entry("tuning", "choices are kept in " + found.tuning());
    return info.text.toString();
  }

  /** Why a device is unavailable is told by the libraries below, or is the only thing to tell. */
  private void device(Info.FoundDevice device) {
    device.unavailable().ifPresent(why -> entry("device", withoutPlaces(why)));
    device
        .opened()
        .ifPresent(
            opened -> {
              entry("device", opened.description());
              opened.limits().ifPresent(limits -> entry("", limits));
              entry(
                  "",
                  opened.engines().entrySet().stream()
                      .map(e -> e.getKey() + (e.getValue() ? "" : " (library absent)"))
                      .collect(Collectors.joining(", ", "engines: ", "")));
            });
  }

  /** Without the list of places where a library was looked for: it has an entry of its own. */
  private static String withoutPlaces(String unavailable) {
    return unavailable.replaceFirst(" \\(.*\\);", ";");
  }

  private void library(Environment.Library library) {
    if (library.found()) {
      entry(library.name(), library.explanation());
      return;
    }
    entry(library.name(), "not found; to have it, " + library.remedy());
    library.attempts().forEach(attempt -> entry("", "- " + attempt));
  }

  private void entry(String word, String value) {
    String indent = " ".repeat(LEFT + (value.startsWith("- ") ? 2 : 0));
    String first = word + " ".repeat(LEFT - word.length());
    text.append(Units.wrapped(first, value, indent, width));
  }
}
