package dev.catena.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * JMH's command line. Unless it says otherwise, the results go to {@code benchmarks.json} beside
 * the jar, the heap's allocation rate with each.
 *
 * <p>JCuda's natives are linked against {@code libcuda.so.1}. Where there is no NVIDIA driver they
 * get our host driver under that name, for which the loader's path must be set before the process
 * starts: hence the process within.
 */
public final class Main {
  private static final String DRIVER = "libcuda.so.1";
  private static final String HOST_DRIVER = "/dev/catena/native/linux-x86_64/libcuhost.so";

  private Main() {}

  /** Arguments of JMH; {@code -h} lists them. */
  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String jar = System.getProperty("java.class.path");
    command.addAll(List.of(Measured.UNSAFE, "-cp", jar, "org.openjdk.jmh.Main"));
    command.addAll(List.of(args));
    preset(command, "-prof", "gc");
    preset(command, "-rf", "json");
    preset(command, "-rff", Path.of(jar).resolveSibling("benchmarks.json").toString());
    ProcessBuilder jmh = new ProcessBuilder(command).inheritIO();
    Path folder = Files.createTempDirectory("catena-bench");
    try {
      if (!hasDriver()) {
        standIn(folder, jmh.environment());
      }
      int status = jmh.start().waitFor();
      if (status != 0) {
        System.exit(status);
      }
    } finally {
      Files.deleteIfExists(folder.resolve(DRIVER));
      Files.delete(folder);
    }
  }

  private static void preset(List<String> command, String option, String value) {
    if (!command.contains(option)) {
      command.addAll(List.of(option, value));
    }
  }

  private static boolean hasDriver() {
    return System.getenv("CATENA_CUDA") != null || Files.exists(Path.of("/proc/driver/nvidia"));
  }

  private static void standIn(Path folder, Map<String, String> environment) throws IOException {
    Path driver = folder.resolve(DRIVER);
    try (InputStream library = Main.class.getResourceAsStream(HOST_DRIVER)) {
      Files.copy(library, driver);
    }
    environment.put("LD_LIBRARY_PATH", folder.toString());
    environment.put("CATENA_CUDA", driver.toString());
    environment.put("CATENA_CUHOST", driver.toString());
  }
}
