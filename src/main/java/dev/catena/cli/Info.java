package dev.catena.cli;

import dev.catena.device.Device;
import dev.catena.device.Environment;
import dev.catena.engine.Engine;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.DeviceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** What was found and what was not. */
@Command(
    name = "info",
    description = "Says what was found, what was not, where it was looked for, and the remedy.",
    mixinStandardHelpOptions = true)
final class Info implements Callable<Integer> {
  @Mixin private Output output;

  @Override
  public Integer call() throws IOException {
    Environment environment = Environment.inspect();
    List<Map<String, Object>> devices = devices();
    output.result(InfoText.of(environment, devices), result(environment, devices));
    return 0;
  }

  /** A kind of device as JSON has it. */
  static String label(Device.Kind kind) {
    return kind.toString().toLowerCase(Locale.ROOT);
  }

  /** Those that there are, and the first GPU even if it cannot be used, for the reason. */
  private static List<Map<String, Object>> devices() {
    List<String> ids = new ArrayList<>(Device.available());
    if (!ids.contains("cuda:0")) {
      ids.addFirst("cuda:0");
    }
    return ids.stream().map(Info::device).toList();
  }

  private static Map<String, Object> device(String id) {
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("id", id);
    try (Device device = Device.open(id)) {
      found.put("name", device.name());
      found.put("kind", label(device.kind()));
      found.put("description", device.describe());
      found.put("total_bytes", device.totalMemory());
      found.put("free_bytes", device.freeMemory());
      Map<String, Object> engines = new LinkedHashMap<>();
      for (Engine engine : EngineRegistry.on(device, Optional.empty(), Optional.empty()).all()) {
        engines.put(engine.name(), engine.absent().isEmpty());
      }
      found.put("engines", engines);
    } catch (DeviceException e) {
      found.put("unavailable", e.getMessage());
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
    result.put("tuning", Environment.cacheFolder());
    return result;
  }
}
