package dev.catena.error;

import java.nio.file.Path;

/** An image is damaged, too large, or of a kind that is not read. */
public final class ImageFormatException extends FormatException {
  private static final long serialVersionUID = 1;

  /** Creates the error; see {@link FormatException} for the parts. */
  public ImageFormatException(Path file, String place, String reason, String remedy) {
    super(file, place, reason, remedy);
  }
}
