package dev.catena.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * JMH's command line. Unless it says otherwise, the results go to {@code benchmarks.json} beside
 * the jar, the heap's allocation rate and the device's time with each.
 *
 * <p>The loader's path must be set before a process starts: hence the process within. In that
 * folder, JCuda finds our host driver as {@code libcuda.so.1} where there is none of NVIDIA's, and
 * the natives of JCudnn, last published as 11.7.0, by the version of JCuda that runs.
 */
public final class Main {
  private static final String DRIVER = "libcuda.so.1";
  private static final String HOST_DRIVER = "/dev/catena/native/linux-x86_64/libcuhost.so";
  private static final String JCUDNN = "libJCudnn-12.6.0-linux-x86_64.so";
  private static final String PUBLISHED_JCUDNN = "/lib/libJCudnn-11.7.0-linux-x86_64.so";

  private Main() {}

  /** Arguments of JMH; {@code -h} lists them. */
  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String jar = System.getProperty("java.class.path");
    command.addAll(List.of(Measured.UNSAFE, Measured.NATIVE));
    command.addAll(List.of("-cp", jar, Available.class.getName()));
    command.addAll(List.of(args));
    if (!command.contains("-prof")) {
      command.addAll(List.of("-prof", "gc", "-prof", DeviceTime.class.getName()));
    }
    preset(command, "-rf", "json");
    preset(command, "-rff", Path.of(jar).resolveSibling("benchmarks.json").toString());
    ProcessBuilder jmh = new ProcessBuilder(command).inheritIO();
    Path folder = Files.createTempDirectory("catena-bench");
    int status;
    try {
      prepare(folder, jmh.environment());
      status = jmh.start().waitFor();
    } finally {
      delete(folder);
    }
    System.exit(status);
  }

  private static void preset(List<String> command, String option, String value) {
    if (!command.contains(option)) {
      command.addAll(List.of(option, value));
    }
  }

  private static void prepare(Path folder, Map<String, String> environment) throws IOException {
    copy(PUBLISHED_JCUDNN, folder.resolve(JCUDNN));
    environment.merge("LD_LIBRARY_PATH", folder.toString(), (others, own) -> own + ":" + others);
    if (System.getenv("CATENA_CUDA") == null && !Files.exists(Path.of("/proc/driver/nvidia"))) {
      Path driver = folder.resolve(DRIVER);
      copy(HOST_DRIVER, driver);
      environment.put("CATENA_CUDA", driver.toString());
      environment.put("CATENA_CUHOST", driver.toString());
    }
  }

  private static void copy(String resource, Path target) throws IOException {
    try (InputStream library = Main.class.getResourceAsStream(resource)) {
      Files.copy(library, target);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
