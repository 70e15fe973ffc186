package dev.catena.cli;

import dev.catena.device.Device;
import dev.catena.device.DeviceException;
import dev.catena.device.Environment;
import dev.catena.engine.Engine;
import dev.catena.engine.Engines;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What was found and what was not. */
@Command(
    name = "info",
    description = "Says what was found, what was not, where it was looked for, and the remedy.",
    mixinStandardHelpOptions = true)
final class Info implements Callable<Integer> {
  @Option(names = "--json", paramLabel = "FILE|-", description = "Write JSON instead.")
  private String json;

  @Override
  public Integer call() throws IOException {
    Environment environment = Environment.inspect();
    List<Map<String, Object>> devices = Device.available().stream().map(Info::device).toList();
    if (json != null) {
      Json.write(json, result(environment, devices));
      return 0;
    }
    System.out.println("java      " + Runtime.version());
    for (Map<String, Object> device : devices) {
      System.out.println("device    " + device.get("description"));
      System.out.println("          engines: " + device.get("engines"));
    }
    System.out.println(
        "kernels   "
            + String.join(", ", environment.architectures())
            + " (nvcc "
            + environment.nvcc()
            + ", hash "
            + environment.kernelHash()
            + ")");
    environment.libraries().forEach(l -> System.out.printf("%-9s %s%n", l.name(), l.explanation()));
    System.out.println("tuning    " + Common.cacheFolder());
    return 0;
  }

  private static Map<String, Object> device(String id) {
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("id", id);
    try (Device device = Device.open(id)) {
      found.put("name", device.name());
      found.put("kind", device.kind());
      found.put("description", device.describe());
      found.put("total_bytes", device.totalMemory());
      found.put("free_bytes", device.freeMemory());
      found.put(
          "engines",
          Engines.on(device, Optional.empty(), Optional.empty()).all().stream()
              .map(Engine::name)
              .toList());
    } catch (DeviceException e) {
      found.put("description", id + ": " + e.getMessage());
      found.put("engines", List.of());
    }
    return found;
  }

  private static Map<String, Object> result(
      Environment environment, List<Map<String, Object>> devices) {
    List<Map<String, Object>> libraries = new ArrayList<>();
    for (Environment.Library library : environment.libraries()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("name", library.name());
      row.put("found", library.found());
      row.put("version", library.version().orElse(null));
      row.put("explanation", library.explanation());
      libraries.add(row);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("java", Runtime.version());
    result.put("devices", devices);
    result.put("nvcc", environment.nvcc());
    result.put("kernel_architectures", environment.architectures());
    result.put("kernel_hash", environment.kernelHash());
    result.put("libraries", libraries);
    result.put("tuning", Common.cacheFolder());
    return result;
  }
}
