package dev.catena.io;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What the segments of a JPEG file say, read before its pixels are.
 *
 * @param process the frame's marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, others are
 *     rare
 * @param precision bits a sample
 * @param components 1 grey, 3 colour, 4 CMYK
 * @param scans passes over the picture; one unless it is progressive
 * @param orientation EXIF orientation, 1 (upright) to 8
 * @param pixels the file with nothing but what decoding needs: colour profiles, thumbnails and
 *     comments are left out
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Jpeg(int process, int precision, int components, int scans, int orientation, byte[] pixels) {
  private static final int START_OF_SCAN = 0xda;
  private static final int APP0_JFIF = 0xe0;
  private static final int APP1_EXIF = 0xe1;
  private static final int APP14_ADOBE = 0xee;
  private static final int APP15 = 0xef;
  private static final int COMMENT = 0xfe;
  private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

  /** Thrown for segments that do not fit together. */
  static final class BrokenSegmentException extends Exception {
    private static final long serialVersionUID = 1;

    BrokenSegmentException(int at, String reason) {
      super("byte " + at + ": " + reason);
    }
  }

  /** Reads the segments up to the first scan. */
  static Jpeg parse(byte[] file) throws BrokenSegmentException {
    var kept = new ByteArrayOutputStream(file.length);
    kept.write(file, 0, 2);
    int orientation = 1;
    int frame = -1;
    int at = 2;
    while (true) {
      while (at + 1 < file.length && (file[at] & file[at + 1] & 0xff) == 0xff) {
        at++; // Markers may be preceded by any number of 0xFF.
      }
      if (at + 4 > file.length || (file[at] & 0xff) != 0xff) {
        throw new BrokenSegmentException(at, "a marker is missing");
      }
      int marker = file[at + 1] & 0xff;
      int length = (file[at + 2] & 0xff) << 8 | file[at + 3] & 0xff;
      if (length < 2 || at + 2 + length > file.length) {
        throw new BrokenSegmentException(at, "a segment runs beyond the end of the file");
      } else if (marker == START_OF_SCAN) {
        break;
      } else if (marker == APP1_EXIF && orientation == 1) {
        orientation = orientation(ByteBuffer.wrap(file, at + 4, length - 2).slice());
      } else if (isFrame(marker) && frame < 0) {
        frame = at;
      }
      if (isNeeded(marker)) {
        kept.write(file, at, 2 + length);
      }
      at += 2 + length;
    }
    kept.write(file, at, file.length - at);
    if (frame < 0) {
      throw new BrokenSegmentException(at, "a scan without a frame");
    }
    // A frame: marker 2, length 2, precision 1, height 2, width 2, components 1.
    if (frame + 9 >= file.length) {
      throw new BrokenSegmentException(frame, "the frame's header is cut short");
    }
    return new Jpeg(
        file[frame + 1] & 0xff,
        file[frame + 4] & 0xff,
        file[frame + 9] & 0xff,
        scans(file, at),
        orientation,
        kept.toByteArray());
  }

  /**
   * In coded data 0xFF is always followed by 0 or a restart marker, so that a scan's marker stands
   * out.
   */
  private static int scans(byte[] file, int from) {
    int scans = 0;
    for (int i = from; i + 1 < file.length; i++) {
      if ((file[i] & 0xff) == 0xff && (file[i + 1] & 0xff) == START_OF_SCAN) {
        scans++;
      }
    }
    return scans;
  }

  private static boolean isFrame(int marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
  }

  /** Of the application segments, these two tell how colours are coded. */
  private static boolean isNeeded(int marker) {
    return marker == APP0_JFIF
        || marker == APP14_ADOBE
        || (marker < APP0_JFIF || marker > APP15) && marker != COMMENT;
  }

  /**
   * The orientation that an EXIF segment gives; 1 if it gives none or is broken, as it is of no
   * further importance.
   */
  private static int orientation(ByteBuffer segment) {
    try {
      for (byte magic : EXIF) {
        if (segment.get() != magic) {
          return 1;
        }
      }
      ByteBuffer tiff = segment.slice();
      tiff.order(tiff.getShort(0) == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
      tiff.position(tiff.getInt(4));
      for (int entries = tiff.getShort(); entries > 0; entries--) {
        int tag = tiff.getShort();
        tiff.getShort();
        tiff.getInt();
        int value = tiff.getShort();
        tiff.getShort();
        if (tag == 0x0112) {
          return value >= 1 && value <= 8 ? value : 1;
        }
      }
    } catch (BufferUnderflowException | IndexOutOfBoundsException | IllegalArgumentException _) {
      return 1;
    }
    return 1;
  }
}
