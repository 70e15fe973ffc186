package dev.catena.error;

import java.nio.file.Path;

/**
 * A file of weights or a model is damaged, hostile, of another format, or lacks what is asked of
 * it.
 */
public final class ModelFormatException extends FormatException {
  private static final long serialVersionUID = 1;

  /** Creates the error; see {@link FormatException} for the parts. */
  public ModelFormatException(Path file, String place, String reason, String remedy) {
    super(file, place, reason, remedy);
  }
}
