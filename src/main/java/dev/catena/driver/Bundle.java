package dev.catena.driver;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * A library that travels in a jar, with the libraries it needs beside it.
 *
 * @param folder the resource folder
 * @param needs what must be loaded first
 * @param file the library itself
 * @param jar how the name of the jar begins, where the jar may be on the module path without being
 *     in the module graph
 */
record Bundle(String folder, List<String> needs, String file, Optional<String> jar) {
  private static final String PLATFORM =
      "linux-" + (System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64");

  /** The bundle that may hold {@code library}. */
  static Optional<Bundle> of(NativeLibrary library) {
    return switch (library) {
      case CUHOST, CUPTX ->
          Optional.of(
              new Bundle(
                  "dev/catena/native/" + PLATFORM,
                  List.of(),
                  library.files().getFirst(),
                  Optional.empty()));
      case ONEDNN ->
          Optional.of(
              new Bundle(
                  "org/bytedeco/dnnl/" + PLATFORM,
                  List.of("libgomp.so.1"),
                  "libdnnl.so.3",
                  Optional.of("dnnl")));
      case CUDA, CUDNN, CUBLASLT, NCCL, OPENMPI, MPICH, NVTX -> Optional.empty();
    };
  }

  /** Whether a jar, or a folder of classes, holds the library. */
  boolean isPresent() throws IOException {
    return resource(folder + "/" + file).isPresent();
  }

  /**
   * The library as a file, copied out of its jar into {@code cache} if need be, with what it needs
   * loaded.
   *
   * @throws UnsatisfiedLinkError if what it needs cannot be loaded from there
   */
  Path unpack(NativeCache cache) throws IOException {
    for (String need : needs) {
      Optional<URL> needed = resource(folder + "/" + need);
      if (needed.isPresent()) {
        Dl.open(cache.file(needed.get(), need).toString());
      }
    }
    return cache.file(resource(folder + "/" + file).orElseThrow(), file);
  }

  private Optional<URL> resource(String path) throws IOException {
    URL url = Bundle.class.getClassLoader().getResource(path);
    if (url != null) {
      return Optional.of(url);
    }
    for (Path candidate : jar.isPresent() ? jars(jar.get()) : List.<Path>of()) {
      try (var content = new JarFile(candidate.toFile(), false)) {
        if (content.getEntry(path) != null) {
          return Optional.of(URI.create("jar:" + candidate.toUri() + "!/" + path).toURL());
        }
      }
    }
    return Optional.empty();
  }

  /** Jars named {@code prefix...} on the class and module paths, also those no module requires. */
  private static List<Path> jars(String prefix) {
    return Stream.of("jdk.module.path", "java.class.path")
        .map(property -> System.getProperty(property, ""))
        .flatMap(paths -> Stream.of(paths.split(File.pathSeparator)))
        .filter(entry -> !entry.isEmpty())
        .map(Path::of)
        .flatMap(Bundle::entries)
        .filter(path -> path.getFileName() != null)
        .filter(path -> path.getFileName().toString().matches(prefix + ".*\\.jar"))
        .filter(Files::isRegularFile)
        .distinct()
        .toList();
  }

  private static Stream<Path> entries(Path path) {
    if (!Files.isDirectory(path)) {
      return Stream.of(path);
    }
    try (Stream<Path> list = Files.list(path)) {
      return list.sorted().toList().stream();
    } catch (IOException e) {
      return Stream.empty();
    }
  }
}
