package dev.catena.io;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Folders, pipes and devices are refused before they are opened, since opening a pipe waits for a
 * writer.
 */
final class RegularFile {
  private RegularFile() {}

  static void require(Path file) throws IOException {
    if (!Files.readAttributes(file, "isRegularFile").containsValue(true)) {
      throw new FileSystemException(file.toString(), null, "not a regular file");
    }
  }
}
