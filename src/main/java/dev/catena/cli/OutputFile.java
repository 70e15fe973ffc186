package dev.catena.cli;

import dev.catena.io.file.AtomicFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.TypeConversionException;

/**
 * A file that a command writes, or standard output for {@code -}. It is checked when the command
 * line is read, so that nobody waits for a result that has no place, and written all or nothing.
 *
 * @param path the file; empty: standard output
 */
record OutputFile(Optional<Path> path) {
  /** From the command line. */
  static OutputFile of(String text) {
    if (text.equals("-")) {
      return new OutputFile(Optional.empty());
    }
    Path path = Path.of(text);
    obstacle(path)
        .ifPresent(
            why -> {
              throw new TypeConversionException(text + " cannot be written: " + why);
            });
    return new OutputFile(Optional.of(path));
  }

  boolean isStandardOutput() {
    return path.isEmpty();
  }

  void write(String text, PrintWriter standardOutput) throws IOException {
    if (path.isEmpty()) {
      standardOutput.print(text);
      standardOutput.flush();
    } else if (isSpecial(path.get())) {
      Files.writeString(path.get(), text);
    } else {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      AtomicFile.write(path.get(), channel -> AtomicFile.writeFully(channel, bytes));
    }
  }

  /**
   * The path, for a writer that replaces a file and cannot fill a pipe.
   *
   * @param option that named it
   */
  Path requireOrdinary(String option) {
    if (path.isEmpty() || isSpecial(path.get())) {
      throw new UserException(option + " needs an ordinary file; name one");
    }
    return path.get();
  }

  /** The file beside it of the same name with another ending. */
  OutputFile withEnding(String ending) {
    return new OutputFile(
        path.map(
            p ->
                p.resolveSibling(
                    p.getFileName().toString().replaceFirst("\\.\\w+$", "") + ending)));
  }

  /** True if it exists and is no ordinary file: a pipe, {@code /dev/null}. */
  static boolean isSpecial(Path path) {
    return Files.exists(path) && !Files.isRegularFile(path);
  }

  private static Optional<String> obstacle(Path path) {
    Path folder = path.toAbsolutePath().normalize().getParent();
    String why = null;
    if (Files.isDirectory(path) || folder == null) {
      why = "it is a folder; name a file in it";
    } else if (!Files.exists(folder)) {
      why = "there is no folder " + folder + "; make it first";
    } else if (!Files.isDirectory(folder)) {
      why = folder + " is not a folder; name a file elsewhere";
    } else if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !Files.exists(path)) {
      why = "it is a link to nothing; remove it";
    } else if (Files.exists(path) && !Files.isWritable(path)) {
      why = "you may not change it; change its permissions, or name another";
    } else if (!isSpecial(path) && !Files.isWritable(folder)) {
      why = "you may not write to the folder " + folder + "; name a file elsewhere";
    }
    return Optional.ofNullable(why);
  }
}
