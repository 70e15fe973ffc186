package dev.catena.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The libraries that cuDNN opens by bare name when it first needs them: NVRTC, which opens its
 * built-in headers in the same way, and cuBLASLt. The loader takes a library of that name that is
 * already loaded, from whatever folder; so they are loaded here by path, from where they lie beside
 * cuDNN, and nobody has to set {@code LD_LIBRARY_PATH}. What is not found is left to the loader;
 * cuDNN then does without the engines that need it.
 */
final class CudnnCompanions {

  /** In the order of their dependence. */
  private static final List<String> NAMES =
      List.of("libnvrtc-builtins.so.", "libnvrtc.so.", "libcublasLt.so.");

  private CudnnCompanions() {}

  /**
   * Loads those that lie near cuDNN.
   *
   * @param cudnn its file
   * @param cuda the major version of CUDA that it is built for, which ends their names
   */
  static void load(Path cudnn, long cuda) {
    List<Path> folders = near(cudnn);
    for (String name : NAMES) {
      folders.stream()
          .flatMap(folder -> filesStarting(folder, name + cuda))
          .findFirst()
          .ifPresent(CudnnCompanions::open);
    }
  }

  /** cuDNN's own folder, and those of the packages beside its own: {@code nvidia/*}{@code /lib}. */
  private static List<Path> near(Path cudnn) {
    Path folder = cudnn.toAbsolutePath().getParent();
    Path packages = folder.getParent() == null ? null : folder.getParent().getParent();
    Stream<Path> siblings =
        packages == null || !packages.endsWith("nvidia")
            ? Stream.empty()
            : children(packages).map(sibling -> sibling.resolve("lib"));
    return Stream.concat(Stream.of(folder), siblings).filter(Files::isDirectory).toList();
  }

  private static Stream<Path> filesStarting(Path folder, String prefix) {
    return children(folder).filter(file -> file.getFileName().toString().startsWith(prefix));
  }

  private static void open(Path library) {
    try {
      Dl.open(library.toString());
    } catch (UnsatisfiedLinkError e) {
      // Left to the loader's path; cuDNN names what it misses when an engine needs it.
    }
  }

  private static Stream<Path> children(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.sorted().toList().stream();
    } catch (IOException | UncheckedIOException e) {
      return Stream.empty();
    }
  }
}
