package dev.catena.device;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The kernels of {@code src/test/kernels/probe.cu}, compiled for the host as the build does it. */
public final class Probe {
  private Probe() {}

  record Axpy(long x, long y, float a, int n) {}

  record Reverse(long data) {}

  record Sleep(int milliseconds) {}

  /** Loads them into {@code device}. */
  static Module load(Device device) {
    return device.load("probe", new KernelImages.Image("probe.so", image(), Holder.LAYOUTS));
  }

  /** The shared object's bytes. */
  public static byte[] image() {
    try {
      return Files.readAllBytes(Holder.FILE);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** 0, 1, 2, ... */
  static float[] ramp(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    return values;
  }

  private static final class Holder {
    static final Path FILE = compile();
    static final Map<String, ParameterLayout> LAYOUTS = layouts();
  }

  private static Path compile() {
    try {
      Path folder = Files.createDirectories(Path.of("target", "test-kernels"));
      Path object = folder.resolve("probe-" + ProcessHandle.current().pid() + ".so");
      object.toFile().deleteOnExit();
      String flags =
          "-x c++ -std=c++20 -O2 -ffp-contract=off -fPIC -fvisibility=hidden -fno-gnu-unique -shared"
              + " -Wl,-z,defs -Wl,-z,start-stop-visibility=hidden -Inative/cuhost"
              + " src/test/kernels/probe.cu -o ";
      List<String> command = new ArrayList<>();
      command.add(System.getenv().getOrDefault("CXX", "g++"));
      command.addAll(List.of((flags + object).split(" ")));
      run(command);
      return object;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** As the build's own program writes them. */
  private static Map<String, ParameterLayout> layouts() {
    String text = run(List.of("target/native/layouts", Holder.FILE.toString()));
    return ParameterLayout.parse(text, "target/native/layouts");
  }

  /** What a program writes. */
  private static String run(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new AssertionError(command.getFirst() + " fails:\n" + said);
      }
      return said;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
