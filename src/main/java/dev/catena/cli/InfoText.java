package dev.catena.cli;

import dev.catena.device.Environment;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What was found, as text: a word to the left, its lines to the right. */
final class InfoText {
  private static final int LEFT = 10;
  private static final int WIDTH = 100;

  private final StringBuilder text = new StringBuilder();

  private InfoText() {}

  /** With the devices of the JSON. */
  static String of(Environment environment, List<Map<String, Object>> devices) {
    InfoText info = new InfoText();
    info.entry("java", Runtime.version().toString());
    devices.forEach(info::device);
    info.entry(
        "kernels",
        String.join(", ", environment.architectures())
            + " (hash "
            + environment.kernelHash()
            + ")");
    info.entry(
        "nvcc",
        switch (environment.nvcc()) {
          case "absent" ->
              "not there when this was built, so there are no kernels for GPUs; to have them,"
                  + " build where the CUDA toolkit is installed";
          case "unused" ->
              "not used, since there was no GPU; `mvn -DskipTests package` builds the kernels for"
                  + " GPUs";
          default -> environment.nvcc() + ", when this was built";
        });
    environment.libraries().forEach(info::library);
    info.entry("tuning", "choices are kept in " + Environment.cacheFolder());
    return info.text.toString();
  }

  private void device(Map<String, Object> device) {
    if (device.containsKey("unavailable")) {
      // Why not is told by the libraries below, or is the only thing to tell.
      entry("device", first(device.get("unavailable").toString()));
      return;
    }
    entry("device", device.get("description").toString());
    Map<?, ?> engines = (Map<?, ?>) device.get("engines");
    entry(
        "",
        engines.entrySet().stream()
            .map(e -> e.getKey() + (Boolean.TRUE.equals(e.getValue()) ? "" : " (library absent)"))
            .collect(Collectors.joining(", ", "engines: ", "")));
  }

  /** Without the list of places where a library was looked for: it has an entry of its own. */
  private static String first(String unavailable) {
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

  /** Wrapped at spaces; a longer word stays whole, so that paths can be copied. */
  private void entry(String word, String value) {
    String indent = value.startsWith("- ") ? "  " : "";
    int column = LEFT;
    text.append(word).append(" ".repeat(LEFT - word.length()));
    for (String part : value.split(" ")) {
      if (column > LEFT && column + part.length() > WIDTH) {
        text.append('\n').append(" ".repeat(LEFT)).append(indent);
        column = LEFT + indent.length();
      } else if (column > LEFT) {
        text.append(' ');
        column++;
      }
      text.append(part);
      column += part.length();
    }
    text.append('\n');
  }
}
