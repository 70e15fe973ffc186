package dev.catena.io.file;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Folders, pipes and devices are refused before they are opened, since opening a pipe waits for a
 * writer.
 */
public final class RegularFile {
  private RegularFile() {}

  /**
   * Nothing if {@code file} is an ordinary file or a link to one.
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws FileSystemException if it is something else
   */
  public static void require(Path file) throws IOException {
    if (!Files.readAttributes(file, "isRegularFile").containsValue(true)) {
      throw new FileSystemException(file.toString(), null, "not a regular file");
    }
  }
}
