package dev.catena.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The library folders of NVIDIA's Python packages ({@code nvidia-cudnn-cu12} and the like), found
 * without running Python.
 */
final class PythonFolders {
  private PythonFolders() {}

  /**
   * Every {@code nvidia/*}{@code /lib} of the Python installations in sight, the active one first.
   */
  static List<Path> nvidia() {
    return prefixes()
        .flatMap(prefix -> children(prefix.resolve("lib")))
        .filter(folder -> folder.getFileName().toString().startsWith("python3"))
        .flatMap(python -> Stream.of("site-packages", "dist-packages").map(python::resolve))
        .flatMap(packages -> children(packages.resolve("nvidia")))
        .map(packaged -> packaged.resolve("lib"))
        .filter(Files::isDirectory)
        .distinct()
        .toList();
  }

  private static Stream<Path> prefixes() {
    return Stream.concat(
            Stream.of(
                    System.getenv("VIRTUAL_ENV"),
                    System.getenv("CONDA_PREFIX"),
                    System.getenv("PYTHONHOME"),
                    System.getProperty("user.home") + "/.local")
                .filter(Objects::nonNull)
                .map(Path::of),
            Stream.concat(
                onPath().stream(), Stream.of("/usr/local", "/usr", "/opt/conda").map(Path::of)))
        .distinct();
  }

  /** The installation that the command {@code python3} would start. */
  private static Optional<Path> onPath() {
    String path = System.getenv("PATH");
    return Arrays.stream(path == null ? new String[0] : path.split(":"))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, "python3"))
        .filter(Files::isExecutable)
        .map(command -> command.toAbsolutePath().getParent().getParent())
        .filter(Objects::nonNull)
        .findFirst();
  }

  private static Stream<Path> children(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Stream.empty();
    }
    try (Stream<Path> list = Files.list(folder)) {
      return list.sorted().toList().stream();
    } catch (IOException | UncheckedIOException e) {
      return Stream.empty(); // a folder we may not read holds nothing for us
    }
  }
}
