package dev.catena.device;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The kernels of {@code src/test/kernels/probe.cu}, compiled for the host as the build does it. */
public final class Probe {
  private Probe() {}

  /** Loads them into {@code device}. */
  static Module load(Device device) {
    return device.load("probe", new KernelImages.Image("probe.so", image()));
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
      Process compiler = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (compiler.waitFor() != 0) {
        throw new AssertionError("probe.cu does not compile:\n" + said);
      }
      return object;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
