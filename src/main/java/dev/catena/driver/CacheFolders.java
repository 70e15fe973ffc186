package dev.catena.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The folders in which this user's caches may be, in the order in which they are tried. */
public final class CacheFolders {
  /** The setting that takes the place of all others. */
  public static final String PROPERTY = "catena.cache";

  /** Belongs to the user that this process acts for. */
  private static final Path SELF = Path.of("/proc/self");

  private CacheFolders() {}

  /**
   * {@code -Dcatena.cache} alone where it is set; else {@code $XDG_CACHE_HOME/catena}, {@code
   * ~/.cache/catena}, and {@code catena-UID} in the temporary folder. A user without an entry in
   * the password file has no home.
   */
  public static List<Path> all() {
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      return List.of(Path.of(property));
    }
    List<Path> folders = new ArrayList<>();
    String xdg = System.getenv("XDG_CACHE_HOME");
    if (xdg != null && xdg.startsWith("/")) {
      folders.add(Path.of(xdg, "catena"));
    } else if (System.getProperty("user.home").startsWith("/")) {
      folders.add(Path.of(System.getProperty("user.home"), ".cache", "catena"));
    }
    folders.add(Path.of(System.getProperty("java.io.tmpdir"), "catena-" + user(SELF)));
    return folders;
  }

  /** The first of {@link #all} that can be written; the last if none can. */
  public static Path writable() {
    List<Path> folders = all();
    return folders.stream().filter(CacheFolders::canWrite).findFirst().orElse(folders.getLast());
  }

  private static boolean canWrite(Path folder) {
    Path there = folder.toAbsolutePath();
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    return Files.isDirectory(there) && Files.isWritable(there);
  }

  /** True if this user owns {@code path}. */
  static boolean isOwn(Path path) {
    return user(path) == user(SELF);
  }

  private static int user(Path path) {
    try {
      return (int) Files.getAttribute(path, "unix:uid");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
