package dev.catena.cli;

import dev.catena.device.Device;
import dev.catena.device.Environment;
import dev.catena.device.HostDevice;
import dev.catena.engine.Engine;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.DeviceException;
import dev.catena.report.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Devices and libraries, found or not. */
@Command(
    name = "info",
    description = "Says what was found, what was not, where it was looked for, and the remedy.",
    mixinStandardHelpOptions = true)
final class Info implements Callable<Integer> {
  @Mixin private Output output;

  /** The result of {@code info}. */
  record Found(
      String java,
      List<FoundDevice> devices,
      String nvcc,
      List<String> kernelArchitectures,
      String kernelHash,
      List<Library> libraries,
      Path tuning) {}

  /** A device, or why it cannot be used. */
  record FoundDevice(
      String id, @Json.Inline Optional<Opened> opened, Optional<String> unavailable) {}

  /**
   * A device that could be opened.
   *
   * @param limits of the host: what decided about threads and memory
   * @param engines by name, whether its library is there
   */
  record Opened(
      String name,
      String kind,
      String description,
      long totalBytes,
      long freeBytes,
      Optional<String> limits,
      Map<String, Boolean> engines) {}

  /** A library; its version is null if it is not there or does not say. */
  record Library(String name, boolean found, String version, String explanation) {}

  @Override
  public Integer call() throws IOException {
    Environment environment = Environment.inspect();
    Found found =
        new Found(
            Runtime.version().toString(),
            devices(),
            environment.nvcc(),
            environment.architectures(),
            environment.kernelHash(),
            environment.libraries().stream()
                .map(
                    l ->
                        new Library(l.name(), l.found(), l.version().orElse(null), l.explanation()))
                .toList(),
            Environment.cacheFolder());
    output.result(InfoText.of(found, environment.libraries(), output.width()), found);
    return 0;
  }

  /** Those that there are, and the first GPU even if it cannot be used, for the reason. */
  private static List<FoundDevice> devices() {
    List<String> ids = new ArrayList<>(Device.available());
    if (!ids.contains("cuda:0")) {
      ids.addFirst("cuda:0");
    }
    return ids.stream().map(Info::device).toList();
  }

  private static FoundDevice device(String id) {
    try (Device device = Device.open(id)) {
      Map<String, Boolean> engines = new LinkedHashMap<>();
      for (Engine engine : EngineRegistry.on(device, Optional.empty(), Optional.empty()).all()) {
        engines.put(engine.name(), engine.absent().isEmpty());
      }
      Opened opened =
          new Opened(
              device.name(),
              OnDevice.label(device.kind()),
              device.describe(),
              device.totalMemory(),
              device.freeMemory(),
              device.kind() == Device.Kind.HOST
                  ? Optional.of(HostDevice.of(device).limits())
                  : Optional.empty(),
              engines);
      return new FoundDevice(id, Optional.of(opened), Optional.empty());
    } catch (DeviceException e) {
      return new FoundDevice(id, Optional.empty(), Optional.of(e.getMessage()));
    }
  }
}
