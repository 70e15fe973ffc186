package dev.catena.io.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/** Writes files all or nothing: nobody ever sees half of one. Thread-safe. */
public final class AtomicFile {
  private AtomicFile() {}

  /** Writes the content of the file. */
  @FunctionalInterface
  public interface Content {
    /** Writes all of it. */
    void write(FileChannel to) throws IOException;
  }

  /**
   * Writes a temporary file beside {@code file}, forces it to the disk and renames it. Whatever
   * goes wrong, a file that was there before stays as it was. A link is followed, so that it is its
   * target that is replaced.
   *
   * @throws IOException if it cannot be written, as on a full disk; or from {@code content}
   */
  public static void write(Path file, Content content) throws IOException {
    Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
    String suffix = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
    Path temporary = target.resolveSibling("." + target.getFileName() + "." + suffix + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
        content.write(channel);
        channel.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
    forceFolder(target.getParent());
  }

  /** Writes all that remains of {@code bytes}. */
  public static void writeFully(FileChannel to, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /**
   * The rename itself reaches the disk with its folder; systems that cannot open a folder do
   * without.
   */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException _) {
      // The file is complete and in place; only its durability across a power failure is in
      // question.
    }
  }
}
