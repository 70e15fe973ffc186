package dev.catena.device;

import dev.catena.driver.CacheFolders;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What this process found of native libraries and kernels, and what it did not.
 *
 * @param libraries in the order in which they are listed to users
 * @param kernelHash of all kernel sources and flags
 * @param nvcc version of the compiler that made the PTX, or {@code absent}, or {@code unused} where
 *     the kernels were built for this CPU alone
 * @param architectures for which there are kernels
 */
public record Environment(
    List<Library> libraries, String kernelHash, String nvcc, List<String> architectures) {
  public Environment {
    libraries = List.copyOf(libraries);
    architectures = List.copyOf(architectures);
  }

  /**
   * A native library.
   *
   * @param name in lower case, as in its setting {@code catena.<name>.path}
   * @param version if it was found
   * @param explanation one line: where it is, or where it was looked for and what to do
   * @param attempts the places where it was looked for in vain, and why not there, in order
   * @param remedy what a user does to have it, in one line
   */
  public record Library(
      String name,
      Optional<String> version,
      String explanation,
      List<String> attempts,
      String remedy) {
    public Library {
      attempts = List.copyOf(attempts);
    }

    /** True if it can be used. */
    public boolean found() {
      return version.isPresent();
    }
  }

  /** The folder of measured choices and unpacked libraries. */
  public static Path cacheFolder() {
    return CacheFolders.writable();
  }

  /** Looks for everything that has not been looked for yet. */
  public static Environment inspect() {
    List<Library> libraries =
        Arrays.stream(NativeLibrary.values()).map(Environment::inspect).toList();
    return new Environment(
        libraries,
        KernelImages.property("hash"),
        KernelImages.property("nvcc"),
        List.of(KernelImages.property("archs").split("[, ]+")));
  }

  private static Library inspect(NativeLibrary library) {
    NativeLibrary.Search search = NativeLibraries.find(library);
    String name = library.name().toLowerCase(Locale.ROOT);
    Optional<String> version =
        search instanceof NativeLibrary.Found found
            ? Optional.of(found.version())
            : Optional.empty();
    List<String> attempts = search.attempts().stream().map(Object::toString).toList();
    return new Library(name, version, search.explain(), attempts, library.remedy());
  }
}
