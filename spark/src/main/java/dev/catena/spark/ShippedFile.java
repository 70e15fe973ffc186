package dev.catena.spark;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * A file of the driver that executors get by broadcast, of less than 2 GiB; equal to one with the
 * same bytes. Spark's own {@code addFile} does not reach the tasks of a session whose artifacts are
 * isolated, as they are by default.
 */
final class ShippedFile implements Serializable {
  private static final long serialVersionUID = 1;

  private final String ending;
  private final String digest;
  private final Broadcast<byte[]> bytes;

  ShippedFile(Path file, JavaSparkContext context) {
    try {
      byte[] content = Files.readAllBytes(file);
      String name = file.getFileName().toString();
      ending = name.substring(Math.max(0, name.lastIndexOf('.')));
      digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
      bytes = context.broadcast(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reads the file in a task, from a copy that is there meanwhile. */
  <T> T read(Reading<T> reading) throws IOException {
    Path copy = Files.createTempFile("catena", ending);
    try {
      Files.write(copy, bytes.value());
      return reading.of(copy);
    } finally {
      Files.delete(copy);
    }
  }

  /** What is made of a file. */
  interface Reading<T> {
    /** Makes it. */
    T of(Path file) throws IOException;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ShippedFile file && file.digest.equals(digest);
  }

  @Override
  public int hashCode() {
    return digest.hashCode();
  }
}
