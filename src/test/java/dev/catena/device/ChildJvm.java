package dev.catena.device;

import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.driver.NativeLibrary.Found;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import jcuda.driver.JCudaDriver;

/** Runs a main class of the tests in a process of its own. */
public final class ChildJvm {
  private final List<String> prefix = new ArrayList<>();
  private final List<String> options = new ArrayList<>();
  private final List<String> classPath =
      new ArrayList<>(List.of("target/classes", "target/test-classes"));
  private final Map<String, String> environment;
  private final ProcessBuilder builder = new ProcessBuilder();

  /** What a process said on both its outputs, and its exit status. */
  public record Result(int status, String said) {}

  /** With these options for the virtual machine. */
  public ChildJvm(String... options) {
    this.options.addAll(List.of(options));
    this.options.add("--enable-native-access=ALL-UNNAMED");
    this.environment = builder.environment();
  }

  /** With JCuda, and a process for which {@code libcuda.so.1} is our host driver. */
  public static ChildJvm ofJCuda(Path folder, String... options) throws IOException {
    Found host = (Found) NativeLibraries.find(NativeLibrary.CUHOST);
    Path cuda = folder.resolve("libcuda.so.1");
    Files.copy(host.path(), cuda);
    return new ChildJvm(options)
        .with("LD_LIBRARY_PATH", folder.toString())
        .with("CATENA_CUDA", cuda.toString())
        .with("TMPDIR", folder.toString())
        .with(JCudaDriver.class)
        .with(natives());
  }

  /** JCuda's natives hold no class that could be asked where it came from. */
  private static Path natives() {
    String name = "lib/libJCudaDriver-12.6.0-linux-x86_64.so";
    String url = JCudaDriver.class.getClassLoader().getResource(name).toString();
    return Path.of(URI.create(url.substring("jar:".length(), url.indexOf("!/"))));
  }

  /** With a variable in its environment. */
  public ChildJvm with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  /** With the jar that {@code type} came from. */
  public ChildJvm with(Class<?> type) {
    try {
      classPath.add(
          Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
      return this;
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** With a jar. */
  public ChildJvm with(Path jar) {
    classPath.add(jar.toString());
    return this;
  }

  /** With Catena, and the jar of {@code needed}, as modules. */
  public ChildJvm asModule(Class<?> needed) {
    with(needed);
    options.remove("--enable-native-access=ALL-UNNAMED");
    String path = "target/classes:" + classPath.getLast();
    options.addAll(List.of("-p", absolute(path), "--add-modules=dev.catena"));
    options.add("--enable-native-access=dev.catena");
    classPath.clear();
    return this;
  }

  /** In this folder. */
  public ChildJvm in(Path folder) {
    builder.directory(folder.toFile());
    return this;
  }

  private static String absolute(String path) {
    return Arrays.stream(path.split(":"))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(":"));
  }

  /** Behind another command, which is to run what follows it. */
  public ChildJvm behind(String... command) {
    prefix.addAll(List.of(command));
    return this;
  }

  /** Runs {@code main} to its end. */
  public Result run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    return result(start(main.getName(), arguments));
  }

  /** Compiles and runs a file of source to its end. */
  public Result run(Path source) throws IOException, InterruptedException {
    return result(start(source.toString()));
  }

  private static Result result(Process process) throws IOException, InterruptedException {
    // One that hangs must not hang the build.
    CompletableFuture.delayedExecutor(5, TimeUnit.MINUTES).execute(process::destroyForcibly);
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), said);
  }

  /** Starts {@code main}; what it says on both its outputs is the process's output. */
  public Process start(Class<?> main, String... arguments) throws IOException {
    return start(main.getName(), arguments);
  }

  private Process start(String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", absolute(String.join(":", classPath)), main));
    command.addAll(List.of(arguments));
    return builder.command(command).redirectErrorStream(true).start();
  }
}
