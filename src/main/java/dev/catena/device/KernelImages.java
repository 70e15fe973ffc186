package dev.catena.device;

import dev.catena.error.DeviceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The compiled kernels that this build of Catena carries, and which of them suit a device. */
final class KernelImages {
  private static final String ROOT = "/dev/catena/kernels/";

  private static final String HOST = "host-";

  /** An image, where it came from, and the parameter structs of its kernels. */
  record Image(String resource, byte[] bytes, Map<String, ParameterLayout> layouts) {
    Image(String resource, byte[] bytes) {
      this(resource, bytes, ParameterLayout.builtIn());
    }
  }

  /** Names a folder with {@code sm_*}{@code /NAME.cubin} and {@code kernels.properties}. */
  static final String CUBINS = "catena.cubins";

  private static final System.Logger LOG = System.getLogger("dev.catena.device");
  private static final Map<String, String> CUBIN_HASHES = new ConcurrentHashMap<>();

  private final List<String> folders;
  private final List<String> cubins;
  private final String suffix;

  private KernelImages(List<String> folders, List<String> cubins, String suffix) {
    this.folders = folders;
    this.cubins = cubins;
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
    // Machine code runs on later minor revisions too; sm_90a on 9.0 alone.
    List<String> cubins =
        switch (computeCapability / 10) {
          case 8 -> List.of("sm_80");
          case 9 -> List.of("sm_90a", "sm_90");
          case 10 -> List.of("sm_100");
          default -> List.of();
        };
    return new KernelImages(folders, cubins, ".ptx");
  }

  /** Shared objects for this CPU. */
  static KernelImages host() {
    if (System.getProperty("os.arch").equals("aarch64")) {
      return new KernelImages(List.of(HOST + "aarch64"), List.of(), ".so");
    }
    String baseline = HOST + "x86-64-v3";
    return new KernelImages(
        hasAvx512() ? List.of(HOST + "x86-64-v4", baseline) : List.of(baseline), List.of(), ".so");
  }

  /** The microarchitecture levels or architectures, best first. */
  List<String> folders() {
    return folders;
  }

  /**
   * Machine code of a kernel file for this device, which the driver need not compile: from the
   * folder that the property {@value #CUBINS} names, as the archive for GPUs has it. Empty if there
   * is none, or if it is of another build.
   */
  Optional<Image> cubin(String file) {
    String root = System.getProperty(CUBINS, "");
    if (root.isEmpty()) {
      return Optional.empty();
    }
    try {
      for (String folder : cubins) {
        Path path = Path.of(root, folder, file + ".cubin");
        if (Files.exists(path)) {
          if (!CUBIN_HASHES.computeIfAbsent(root, KernelImages::hash).equals(property("hash"))) {
            return Optional.empty();
          }
          return Optional.of(new Image(path.toString(), Files.readAllBytes(path)));
        }
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot read a kernel in " + root + ": " + e);
    }
    return Optional.empty();
  }

  /** Which kernels the files in {@code root} were made of. */
  private static String hash(String root) {
    Properties properties = new Properties();
    try (InputStream in = Files.newInputStream(Path.of(root, "kernels.properties"))) {
      properties.load(in);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "no kernels.properties in " + root, e);
    }
    String hash = properties.getProperty("hash", "unknown");
    if (!hash.equals(property("hash"))) {
      LOG.log(
          System.Logger.Level.WARNING,
          "the kernels in %s are of another build (%s, not %s); the driver compiles PTX instead"
              .formatted(root, hash, property("hash")));
    }
    return hash;
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

  /** True if any kernel was compiled for GPUs. */
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
