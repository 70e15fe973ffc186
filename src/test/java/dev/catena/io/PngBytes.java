package dev.catena.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Writes PNG files of every colour type and depth, for tests. */
final class PngBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** The start of a file; {@code type} is 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  PngBytes(int width, int height, int depth, int type) {
    out.writeBytes(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
    ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
    chunk("IHDR", header.put((byte) depth).put((byte) type).array());
  }

  PngBytes chunk(String name, byte... data) {
    byte[] type = name.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(type);
    crc.update(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
    out.writeBytes(type);
    out.writeBytes(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    return this;
  }

  /** The end of a file with these rows, each of which begins with its filter, 0. */
  byte[] pixels(int... rows) {
    byte[] raw = new byte[rows.length];
    for (int i = 0; i < rows.length; i++) {
      raw[i] = (byte) rows[i];
    }
    try (Deflater deflater = new Deflater()) {
      deflater.setInput(raw);
      deflater.finish();
      byte[] packed = new byte[raw.length + 64];
      int size = deflater.deflate(packed);
      chunk("IDAT", Arrays.copyOf(packed, size));
    }
    return chunk("IEND").out.toByteArray();
  }
}
