package dev.catena.driver;

import dev.catena.driver.NativeLibrary.Attempt;
import dev.catena.driver.NativeLibrary.Found;
import dev.catena.driver.NativeLibrary.Missing;
import dev.catena.driver.NativeLibrary.Search;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds the native libraries, each once for the process, and remembers where or why not. A failure
 * of the moment (a full disk, say) is not remembered: the next call searches again.
 *
 * <p>Order: the explicit setting (system property, then environment; when it is set nothing else is
 * tried), a copy bundled in a jar, the loader's path, the CUDA toolkit's folder, {@code
 * nvidia/*}{@code /lib} of a Python installation.
 */
public final class NativeLibraries {
  private static final Map<NativeLibrary, Search> SEARCHES = new EnumMap<>(NativeLibrary.class);

  private static final String OTHER =
      "set -D%s to a folder that can be written and from which programs may run"
          .formatted(CacheFolders.PROPERTY);

  private NativeLibraries() {}

  /** The outcome for {@code library}; loads it on the first call. Safe for many threads. */
  public static Search find(NativeLibrary library) {
    synchronized (SEARCHES) {
      Search known = SEARCHES.get(library);
      Search search = known != null ? known : search(library);
      if (!(search instanceof Missing missing && missing.isPassing())) {
        SEARCHES.put(library, search);
      }
      return search;
    }
  }

  /** A search that remembers nothing, so that its places can change between calls. */
  static Search search(NativeLibrary library) {
    List<Attempt> attempts = new ArrayList<>();
    Optional<Setting> setting = setting(library);
    if (setting.isPresent()) {
      return settled(library, setting.get(), attempts)
          .orElseGet(() -> new Missing(library, List.copyOf(attempts)));
    }
    return bundled(library, attempts)
        .or(() -> byLoader(library, attempts))
        .or(() -> inFolders(library, "the CUDA toolkit", toolkit(), attempts))
        .or(() -> inFolders(library, "Python's nvidia packages", PythonFolders.nvidia(), attempts))
        .orElseGet(() -> new Missing(library, List.copyOf(attempts)));
  }

  private record Setting(String name, Path path) {}

  private static Optional<Setting> setting(NativeLibrary library) {
    String property = System.getProperty(library.property());
    if (property != null) {
      return Optional.of(new Setting("-D" + library.property(), Path.of(property)));
    }
    return Optional.ofNullable(System.getenv(library.variable()))
        .map(value -> new Setting(library.variable(), Path.of(value)));
  }

  private static Optional<Search> settled(
      NativeLibrary library, Setting setting, List<Attempt> attempts) {
    String place = setting.name + "=" + setting.path;
    if (Files.isDirectory(setting.path)) {
      return inFolders(library, place, List.of(setting.path), attempts);
    }
    return load(library, setting.path.toAbsolutePath().toString(), setting.name, place, attempts);
  }

  private static Optional<Search> bundled(NativeLibrary library, List<Attempt> attempts) {
    return Bundle.of(library).flatMap(bundle -> bundled(library, bundle, attempts));
  }

  /** A copy in the first cache folder that can be written and from which the system loads code. */
  private static Optional<Search> bundled(
      NativeLibrary library, Bundle bundle, List<Attempt> attempts) {
    String place = "the bundled " + bundle.folder();
    for (Path folder : CacheFolders.all()) {
      try {
        if (!bundle.isPresent()) {
          attempts.add(new Attempt(place, "no such resource on the class or module path"));
          return Optional.empty();
        }
        String file = bundle.unpack(new NativeCache(folder.resolve("native"))).toString();
        Optional<Search> found = load(library, file, "the bundle", file, attempts);
        if (found.isPresent()) {
          return found;
        }
      } catch (IOException | UncheckedIOException e) {
        attempts.add(new Attempt(place, "could not be unpacked: " + e, Optional.of(OTHER), true));
      } catch (UnsatisfiedLinkError | IllegalCallerException e) {
        attempts.add(refused(place, e));
      }
    }
    return Optional.empty();
  }

  private static Attempt refused(String place, Throwable e) {
    if (e instanceof IllegalCallerException) {
      String module = Dl.class.getModule().isNamed() ? "dev.catena" : "ALL-UNNAMED";
      String flag = "start Java with --enable-native-access=" + module;
      return new Attempt(place, "Java may not call native code", Optional.of(flag), false);
    }
    // What the loader says of a file system that is mounted noexec.
    boolean noexec = e.getMessage().contains("failed to map segment");
    return noexec
        ? new Attempt(place, e.getMessage() + " (mounted noexec?)", Optional.of(OTHER), false)
        : new Attempt(place, e.getMessage());
  }

  private static Optional<Search> byLoader(NativeLibrary library, List<Attempt> attempts) {
    return library.files().stream()
        .map(file -> load(library, file, "the loader's path", "the loader's path", attempts))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static Optional<Search> inFolders(
      NativeLibrary library, String origin, List<Path> folders, List<Attempt> attempts) {
    List<Path> present =
        library.files().stream()
            .flatMap(file -> folders.stream().map(folder -> folder.resolve(file)))
            .filter(Files::exists)
            .toList();
    if (present.isEmpty()) {
      attempts.add(
          new Attempt(
              origin, folders.isEmpty() ? "none found" : "no such file in " + join(folders)));
    }
    return present.stream()
        .map(file -> load(library, file.toString(), origin, file.toString(), attempts))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static Optional<Search> load(
      NativeLibrary library, String name, String origin, String place, List<Attempt> attempts) {
    try {
      if (library == NativeLibrary.OPENMPI || library == NativeLibrary.MPICH) {
        // UCX, which both may load, would catch the signals by which the JVM finds null pointers.
        Dl.setDefault("UCX_ERROR_SIGNALS", "");
      }
      Dl.Library loaded = Dl.open(name);
      if (loaded.find(library.symbol()).isEmpty()) {
        attempts.add(new Attempt(place, "has no function " + library.symbol()));
        return Optional.empty();
      }
      Path path = loaded.file(library.symbol()).orElse(Path.of(name));
      String version = LibraryVersion.of(library, loaded);
      return Optional.of(new Found(library, path, version, origin, loaded, List.copyOf(attempts)));
    } catch (UnsatisfiedLinkError | IllegalCallerException e) {
      attempts.add(refused(place, e));
      return Optional.empty();
    }
  }

  /** Library folders of the toolkit; not its {@code stubs}, which only serve to link. */
  private static List<Path> toolkit() {
    return Stream.of(System.getenv("CUDA_HOME"), System.getenv("CUDA_PATH"), "/usr/local/cuda")
        .filter(Objects::nonNull)
        .map(Path::of)
        .flatMap(root -> Stream.of("lib64", "lib", "targets/x86_64-linux/lib").map(root::resolve))
        .filter(Files::isDirectory)
        .distinct()
        .toList();
  }

  private static String join(List<Path> folders) {
    return String.join(", ", folders.stream().map(Path::toString).toList());
  }
}
