package dev.catena.cli;

import dev.catena.engine.cudnn.CudnnException;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceLostException;
import dev.catena.error.DriverTooOldException;
import dev.catena.error.FormatException;
import dev.catena.error.GraphException;
import dev.catena.error.MissingLibraryException;
import dev.catena.error.MissingNativeException;
import dev.catena.error.NonFiniteException;
import dev.catena.error.RankFailedException;
import dev.catena.error.UnknownModelException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Errors in the words of who can mend them. */
final class Explanation {
  private Explanation() {}

  /** One sentence: what was found and what to do. Empty if the fault is Catena's. */
  static Optional<String> of(Throwable error) {
    String sentence =
        switch (error) {
          case UserException _, FormatException _, GraphException _ -> error.getMessage();
          case MissingNativeException _, MissingLibraryException _ -> error.getMessage();
          case NonFiniteException _, RankFailedException _ -> error.getMessage();
          case UnknownModelException _ -> error.getMessage() + "; `catena models` lists all";
          case DriverTooOldException _ -> error.getMessage();
          case CudaException _, DeviceLostException _, CudnnException _ -> null;
          case DeviceException _ -> error.getMessage();
          case FileSystemException e -> ofFile(e);
          case IOException _ -> error.getMessage() == null ? error.toString() : error.getMessage();
          case OutOfMemoryError _ ->
              "Java's memory does not suffice (%s); take a smaller batch, or set -Xmx in CATENA_JAVA_OPTIONS"
                  .formatted(error.getMessage());
          default -> null;
        };
    return Optional.ofNullable(sentence);
  }

  private static String ofFile(FileSystemException e) {
    String file = e.getFile();
    if (e instanceof NoSuchFileException) {
      return file + ": there is no such file; look at its name and folder";
    } else if (e instanceof AccessDeniedException) {
      return file + ": access is denied; change its permissions, or name another";
    } else if (file != null && Files.isDirectory(Path.of(file))) {
      return file + ": is a folder; name a file in it";
    }
    return e.getMessage();
  }
}
