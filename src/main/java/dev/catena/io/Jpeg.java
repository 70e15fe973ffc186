package dev.catena.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The segments of a JPEG file, read before its pixels.
 *
 * @param frame how samples are coded
 * @param transform of the colours, as Adobe's segment has it: 0 none, 1 YCbCr, 2 YCCK; -1 without
 *     such a segment
 * @param scans passes over the picture; one unless it is progressive
 * @param orientation EXIF orientation, 1 (upright) to 8
 * @param pixels the file with nothing but what decoding needs: colour profiles, thumbnails,
 *     comments and whatever follows the end of the picture are left out
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Jpeg(Frame frame, int transform, int scans, int orientation, byte[] pixels) {
  private static final int END_OF_IMAGE = 0xd9;
  private static final int START_OF_SCAN = 0xda;
  private static final int APP0_JFIF = 0xe0;
  private static final int APP1_EXIF = 0xe1;
  private static final int APP14_ADOBE = 0xee;
  private static final int APP15 = 0xef;
  private static final int COMMENT = 0xfe;
  private static final int FRAME_HEADER = 10;
  private static final int TIFF = 42;
  private static final int ORIENTATION = 0x0112;
  private static final byte[] ADOBE = "Adobe".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

  /**
   * The coding of samples.
   *
   * @param process the frame's marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, others are
   *     rare
   * @param precision bits a sample
   * @param components 1 grey, 3 colour, 4 CMYK
   */
  record Frame(int process, int precision, int components) {
    /** Why the decoder cannot read it; empty if it can. */
    Optional<String> refusal() {
      if (process > 0xc2) {
        return Optional.of("a lossless, hierarchical or arithmetic JPEG");
      } else if (precision != 8) {
        return Optional.of("a JPEG of " + precision + " bits a sample");
      } else if (components != 1 && components != 3 && components != 4) {
        return Optional.of("a JPEG of " + components + " components");
      }
      return Optional.empty();
    }
  }

  /** Thrown for segments that do not fit together. */
  static final class BrokenSegmentException extends Exception {
    private static final long serialVersionUID = 1;

    BrokenSegmentException(int at, String reason) {
      super("byte " + at + ": " + reason);
    }
  }

  /** Reads the segments up to the first scan, and counts the scans up to the picture's end. */
  static Jpeg parse(byte[] file) throws BrokenSegmentException {
    var kept = new ByteArrayOutputStream(file.length);
    kept.write(file, 0, 2);
    int orientation = 1;
    int transform = -1;
    Frame frame = null;
    int at = 2;
    while (true) {
      while (at + 1 < file.length && (file[at] & file[at + 1] & 0xff) == 0xff) {
        at++; // Markers may be preceded by any number of 0xFF.
      }
      if (at + 4 > file.length || (file[at] & 0xff) != 0xff) {
        throw new BrokenSegmentException(at, "a marker is missing");
      }
      int marker = file[at + 1] & 0xff;
      int length = length(file, at);
      if (length < 2 || at + 2 + length > file.length) {
        throw new BrokenSegmentException(at, "a segment runs beyond the end of the file");
      } else if (marker == START_OF_SCAN) {
        break;
      }
      ByteBuffer content = ByteBuffer.wrap(file, at + 4, length - 2).slice();
      if (marker == APP1_EXIF && orientation == 1) {
        orientation = orientation(content);
      } else if (marker == APP14_ADOBE && startsWith(content, ADOBE) && content.limit() >= 12) {
        transform = content.get(11) & 0xff;
      } else if (isFrame(marker) && frame == null) {
        frame = frame(marker, content, at);
      }
      if (isNeeded(marker)) {
        kept.write(file, at, 2 + length);
      }
      at += 2 + length;
    }
    if (frame == null) {
      throw new BrokenSegmentException(at, "a scan without a frame");
    }
    Scans scans = scans(file, at);
    kept.write(file, at, scans.end() - at);
    return new Jpeg(frame, transform, scans.count(), orientation, kept.toByteArray());
  }

  /**
   * The frame of a file, without reading its pixels.
   *
   * @throws BrokenSegmentException if it has none before its first scan
   */
  static Frame frame(SeekableByteChannel file) throws IOException, BrokenSegmentException {
    ByteBuffer head = ByteBuffer.allocate(FRAME_HEADER);
    long at = 2;
    while (true) {
      file.position(at).read(head.clear());
      int marker = head.get(1) & 0xff;
      if (head.position() < 4 || head.get(0) != (byte) 0xff || marker == START_OF_SCAN) {
        throw new BrokenSegmentException((int) at, "a frame is missing");
      } else if (isFrame(marker)) {
        return frame(marker, head.flip().position(4).slice(), (int) at);
      }
      at += marker == 0xff ? 1 : 2 + (head.getShort(2) & 0xffff);
    }
  }

  /**
   * Bytes of a frame's segment without its marker and length: precision 1, height 2, width 2, count
   * 1.
   */
  private static Frame frame(int marker, ByteBuffer segment, int at) throws BrokenSegmentException {
    if (segment.limit() < FRAME_HEADER - 4) {
      throw new BrokenSegmentException(at, "the frame's header is cut short");
    }
    return new Frame(marker, segment.get(0) & 0xff, segment.get(5) & 0xff);
  }

  /** The number of scans of a picture, and the byte behind its last. */
  private record Scans(int count, int end) {}

  /**
   * Follows the scans to the end of the image. Files go on behind it: a phone's motion photo has a
   * video there.
   *
   * <p>In coded data 0xFF is followed by 0 or a restart marker, so that any other marker ends it
   * (ITU-T T.81, B.1.1.5).
   */
  private static Scans scans(byte[] file, int first) {
    int scans = 0;
    int at = first;
    while (at + 3 < file.length) {
      int marker = file[at] == (byte) 0xff ? file[at + 1] & 0xff : 0;
      if (marker == END_OF_IMAGE) {
        return new Scans(scans, at + 2);
      } else if (marker == START_OF_SCAN) {
        scans++;
        at += 2 + length(file, at);
      } else if (marker > START_OF_SCAN && marker < 0xff || isFrame(marker) || marker == 0xc4) {
        at += 2 + length(file, at); // A table or an application's segment between scans.
      } else {
        at++;
      }
    }
    return new Scans(scans, file.length);
  }

  private static int length(byte[] file, int at) {
    return (file[at + 2] & 0xff) << 8 | file[at + 3] & 0xff;
  }

  private static boolean isFrame(int marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
  }

  /**
   * True for segments that are read; of the application segments, two tell how colours are coded.
   */
  private static boolean isNeeded(int marker) {
    return marker == APP0_JFIF
        || marker == APP14_ADOBE
        || (marker < APP0_JFIF || marker > APP15) && marker != COMMENT;
  }

  private static boolean startsWith(ByteBuffer segment, byte[] magic) {
    return segment.limit() >= magic.length
        && segment.slice(0, magic.length).equals(ByteBuffer.wrap(magic));
  }

  /**
   * The orientation that an EXIF segment gives. It is 1 if there is none, or if the segment is
   * broken: a picture is readable without it.
   */
  private static int orientation(ByteBuffer segment) {
    if (!startsWith(segment, EXIF)) {
      return 1;
    }
    try {
      ByteBuffer tiff = segment.slice(EXIF.length, segment.limit() - EXIF.length);
      switch (tiff.getShort(0)) {
        case 0x4949 -> tiff.order(ByteOrder.LITTLE_ENDIAN);
        case 0x4d4d -> tiff.order(ByteOrder.BIG_ENDIAN);
        default -> {
          return 1;
        }
      }
      if (tiff.getShort(2) != TIFF) {
        return 1;
      }
      int directory = tiff.getInt(4);
      int entries = tiff.getShort(directory) & 0xffff;
      for (int i = 0; i < entries; i++) {
        ByteBuffer entry = tiff.slice(directory + 2 + 12 * i, 12).order(tiff.order());
        if (entry.getShort(0) == ORIENTATION) {
          long value = entry.getInt(4) == 1 ? number(entry) : 1;
          return value >= 1 && value <= 8 ? (int) value : 1;
        }
      }
    } catch (IndexOutOfBoundsException _) {
      return 1;
    }
    return 1;
  }

  /** The single value of an entry of a TIFF directory; 0 if it is no whole number. */
  private static long number(ByteBuffer entry) {
    return switch (entry.getShort(2)) {
      case 1 -> entry.get(8) & 0xff; // BYTE
      case 3 -> entry.getShort(8) & 0xffff; // SHORT
      case 4 -> entry.getInt(8) & 0xffffffffL; // LONG
      default -> 0;
    };
  }
}
