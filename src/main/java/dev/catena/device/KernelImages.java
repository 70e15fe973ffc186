package dev.catena.device;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;

/** The compiled kernels that this build of Catena carries, and which of them suit a device. */
final class KernelImages {
  private static final String ROOT = "/dev/catena/kernels/";

  private static final String HOST = "host-";

  /** An image and where it came from. */
  record Image(String resource, byte[] bytes) {}

  private final List<String> folders;
  private final String suffix;

  private KernelImages(List<String> folders, String suffix) {
    this.folders = folders;
    this.suffix = suffix;
  }

  /** PTX for a compute capability such as 90: the architecture's own first, then baselines. */
  static KernelImages cuda(int computeCapability) {
    List<String> folders = new ArrayList<>();
    if (computeCapability == 90) {
      folders.add("sm_90a"); // its instructions exist on 9.0 alone, not later
    }
    for (int baseline : new int[] {80, 75}) {
      if (computeCapability >= baseline) {
        folders.add("compute_" + baseline);
      }
    }
    return new KernelImages(folders, ".ptx");
  }

  /** Shared objects for this CPU. */
  static KernelImages host() {
    if (System.getProperty("os.arch").equals("aarch64")) {
      return new KernelImages(List.of(HOST + "aarch64"), ".so");
    }
    String baseline = HOST + "x86-64-v3";
    return new KernelImages(
        hasAvx512() ? List.of(HOST + "x86-64-v4", baseline) : List.of(baseline), ".so");
  }

  /** The microarchitecture levels or architectures, best first. */
  List<String> folders() {
    return folders;
  }

  /** The best image of a kernel file. */
  Image find(String file, String device) {
    for (String folder : folders) {
      String resource = ROOT + folder + "/" + file + suffix;
      try (InputStream in = KernelImages.class.getResourceAsStream(resource)) {
        if (in != null) {
          return new Image(resource, in.readAllBytes());
        }
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + resource, e);
      }
    }
    throw new DeviceException(
        "this build of Catena has no kernel file %s for %s (looked for %s in %s); it was built with nvcc %s"
            .formatted(file, device, file + suffix, String.join(", ", folders), property("nvcc")));
  }

  /** Whether any kernel was compiled for GPUs. */
  static boolean hasPtx() {
    String archs = property("archs");
    return archs.contains("compute_") || archs.contains("sm_");
  }

  /** An entry of {@code kernels.properties}, which the build writes, or {@code absent}. */
  static String property(String key) {
    Properties properties = new Properties();
    try (InputStream in = KernelImages.class.getResourceAsStream(ROOT + "kernels.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read kernels.properties", e);
    }
    return properties.getProperty(key, "absent");
  }

  /** The AVX-512 parts that make up x86-64-v4. */
  private static boolean hasAvx512() {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      Set<String> flags =
          lines
              .filter(line -> line.startsWith("flags"))
              .findFirst()
              .map(line -> new HashSet<>(List.of(line.split("\\s+"))))
              .orElse(new HashSet<>());
      return flags.containsAll(Set.of("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"));
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }
}
