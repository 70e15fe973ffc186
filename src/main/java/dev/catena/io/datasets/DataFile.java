package dev.catena.io.datasets;

import dev.catena.error.FormatException;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Reads a file from its first byte to its last, unpacked if it is gzip, and knows where it is. */
final class DataFile implements AutoCloseable {
  private static final String AGAIN = "The file is damaged: download it again.";
  private static final int GZIP = 0x1f8b;

  /** More than this deflate cannot shrink. */
  private static final long MOST_DEFLATED = 1032;

  private final Path file;
  private final DataInputStream in;
  private final long mostBytes;
  private long at;

  DataFile(Path file) throws IOException {
    this.file = file;
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    } else if (!Files.isRegularFile(file)) {
      throw new FileSystemException(file.toString(), null, "not a regular file");
    }
    long size = Files.size(file);
    PushbackInputStream plain = new PushbackInputStream(Files.newInputStream(file), 2);
    InputStream stream = plain;
    try {
      byte[] head = plain.readNBytes(2);
      plain.unread(head);
      boolean packed = head.length == 2 && ((head[0] & 0xff) << 8 | head[1] & 0xff) == GZIP;
      stream = packed ? new GZIPInputStream(plain, 1 << 16) : plain;
      mostBytes = packed ? size * MOST_DEFLATED : size;
    } catch (EOFException | ZipException e) {
      plain.close();
      throw damaged(e);
    } catch (IOException e) {
      plain.close();
      throw e;
    }
    in = new DataInputStream(stream);
  }

  /** The next four bytes, the highest first. */
  int readInt() throws IOException {
    byte[] four = read(Integer.BYTES);
    return (four[0] & 0xff) << 24 | (four[1] & 0xff) << 16 | (four[2] & 0xff) << 8 | four[3] & 0xff;
  }

  /** The next {@code count} bytes, which must be there. */
  byte[] read(long count) throws IOException {
    if (count > mostBytes - at || count > Integer.MAX_VALUE - 8) {
      throw fail("byte " + at, count + " bytes should follow, which the file does not hold", AGAIN);
    }
    byte[] bytes = new byte[(int) count];
    try {
      int got = in.readNBytes(bytes, 0, bytes.length);
      if (got < count) {
        throw fail(
            "byte " + (at + got),
            "ends, though %d bytes should follow".formatted(count - got),
            AGAIN);
      }
    } catch (EOFException | ZipException e) {
      throw damaged(e);
    }
    at += count;
    return bytes;
  }

  /** Fails if anything follows. */
  void requireEnd() throws IOException {
    try {
      if (in.read() >= 0) {
        throw fail("byte " + at, "goes on after its last image", AGAIN);
      }
    } catch (EOFException | ZipException e) {
      throw damaged(e);
    }
  }

  FormatException fail(String place, String reason, String remedy) {
    return new FormatException(file, place, reason, remedy);
  }

  private FormatException damaged(IOException e) {
    FormatException error = fail("byte " + at, "broken gzip: " + e.getMessage(), AGAIN);
    error.initCause(e);
    return error;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
