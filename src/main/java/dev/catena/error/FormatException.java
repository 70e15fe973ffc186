package dev.catena.error;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The content of a file is not what its format asks for.
 *
 * <p>The message names the file, the place in it, the reason and what to do about it. Trouble in
 * reaching a file (missing, unreadable, disk full) is an {@link java.io.IOException} instead.
 */
public class FormatException extends CatenaException {
  private static final long serialVersionUID = 1;
  private static final int SHOWN = 80;

  private final transient @Nullable Path file;
  private final String place;
  private final String reason;
  private final String remedy;

  /**
   * Creates the error.
   *
   * @param file the file read
   * @param place where in it, such as {@code byte 8} or {@code tensor 'fc.weight'}; empty if the
   *     whole file is meant
   * @param reason what is wrong, without a full stop
   * @param remedy what the user can do, a sentence; empty if nothing helps
   */
  public FormatException(Path file, String place, String reason, String remedy) {
    super(
        file
            + (place.isEmpty() ? "" : ", " + place)
            + ": "
            + reason
            + (remedy.isEmpty() ? "" : ". " + remedy));
    this.file = file;
    this.place = place;
    this.reason = reason;
    this.remedy = remedy;
  }

  /** The file read; null after serialisation. */
  @SuppressWarnings("exports") // Who reads the annotation brings it.
  public @Nullable Path file() {
    return file;
  }

  /** The place in the file: a byte, a line or a tensor's name; empty if the whole file is meant. */
  public String place() {
    return place;
  }

  /** The error. */
  public String reason() {
    return reason;
  }

  /** The remedy; empty if nothing helps. */
  public String remedy() {
    return remedy;
  }

  /** {@code text} of an untrusted file in quotes, fit for one line of a message. */
  public static String quote(String text) {
    return "'" + clip(text) + "'";
  }

  /** {@code text} made of untrusted bytes, shortened, without control characters. */
  public static String clip(String text) {
    String head = text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
    return head.replaceAll("\\p{C}", "\uFFFD");
  }
}
