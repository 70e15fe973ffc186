package dev.catena.io;

import static com.fasterxml.jackson.core.JsonToken.END_ARRAY;
import static com.fasterxml.jackson.core.JsonToken.END_OBJECT;
import static com.fasterxml.jackson.core.JsonToken.START_ARRAY;
import static com.fasterxml.jackson.core.JsonToken.START_OBJECT;
import static com.fasterxml.jackson.core.JsonToken.VALUE_NULL;
import static com.fasterxml.jackson.core.JsonToken.VALUE_NUMBER_INT;
import static com.fasterxml.jackson.core.JsonToken.VALUE_STRING;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactory.Feature;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.catena.error.FormatException;
import dev.catena.error.ModelFormatException;
import dev.catena.io.SafeTensors.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Reads the header of a safetensors file and checks all that the format promises, so that what
 * comes out can be trusted.
 *
 * <p>The file is: 8 bytes, the header's length N, unsigned little-endian; N bytes of JSON, opening
 * with a brace, perhaps padded with spaces; the data. The tensors' ranges cover the data in full,
 * without overlap and without holes.
 */
final class SafeTensorsHeader {
  static final String METADATA = "__metadata__";

  /** The limit of the reference implementation. */
  static final int MAX_BYTES = 100_000_000;

  private static final int PREFIX = Long.BYTES;
  private static final int MAX_RANK = 64;
  private static final String AGAIN = "The file is damaged: download or write it again.";
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(3)
                  .maxNumberLength(20)
                  .maxNameLength(1 << 16)
                  .maxStringLength(MAX_BYTES)
                  .build())
          .build();

  private final Path file;
  private final MemorySegment bytes;
  private final SequencedMap<String, String> metadata = new LinkedHashMap<>();
  private final List<Tensor> tensors = new ArrayList<>();

  /** Reads and checks the header of {@code file}, whose content is {@code bytes}. */
  SafeTensorsHeader(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
    byte[] header = header();
    checkUtf8(header);
    long dataStart = (long) PREFIX + header.length;
    parse(header, dataStart);
    tensors.sort(Comparator.comparingLong(Tensor::begin).thenComparingLong(Tensor::end));
    checkCover(dataStart);
  }

  /** The tensors in the order of their data. */
  SequencedMap<String, Tensor> tensors() {
    SequencedMap<String, Tensor> byName = LinkedHashMap.newLinkedHashMap(tensors.size());
    tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
    return Collections.unmodifiableSequencedMap(byName);
  }

  /** The free-form texts of the header. */
  SequencedMap<String, String> metadata() {
    return Collections.unmodifiableSequencedMap(metadata);
  }

  private byte[] header() {
    long size = bytes.byteSize();
    if (size == 0) {
      throw fail("", "the file is empty", AGAIN);
    }
    long length = size < PREFIX ? -1 : bytes.get(LENGTH, 0);
    boolean braced = size > PREFIX && bytes.get(ValueLayout.JAVA_BYTE, PREFIX) == '{';
    // An unsigned length beyond 2^63 is negative here, and as wrong as one beyond the limit.
    boolean plausible = braced && length >= 0 && length <= MAX_BYTES;
    if (!plausible) {
      refuseOtherKinds();
    }
    if (size < PREFIX) {
      throw fail("byte 0", "the file has " + size + " bytes, too few for a header's length", AGAIN);
    } else if (length < 0 || length > MAX_BYTES) {
      throw fail(
          "byte 0",
          "the header's length is "
              + Long.toUnsignedString(length)
              + " bytes; safetensors allows "
              + MAX_BYTES,
          "Is it a safetensors file at all?");
    } else if (length > size - PREFIX) {
      throw fail(
          "byte 0",
          "the header's length is "
              + length
              + " bytes, the file has only "
              + (size - PREFIX)
              + " left",
          AGAIN);
    } else if (length < 2 || !braced) {
      throw fail("byte 8", "the header does not open with '{'", AGAIN);
    }
    return bytes.asSlice(PREFIX, length).toArray(ValueLayout.JAVA_BYTE);
  }

  private void refuseOtherKinds() {
    byte[] head =
        bytes.asSlice(0, Math.min(FileKind.HEAD, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    FileKind.of(head)
        .ifPresent(
            kind -> {
              throw fail("", "not a safetensors file but " + kind.what(), kind.remedy());
            });
  }

  /**
   * The JSON parser is lenient about overlong forms and surrogates, and takes a NUL for the sign of
   * UTF-16.
   */
  private void checkUtf8(byte[] header) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(header);
    CharBuffer out = CharBuffer.allocate(4096);
    CoderResult result;
    do {
      result = decoder.decode(in, out.clear(), true);
    } while (result.isOverflow());
    if (result.isError()) {
      throw fail("byte " + (PREFIX + in.position()), "the header is not valid UTF-8", AGAIN);
    } else if (header[1] == 0) {
      throw fail("byte 9", "a NUL in the header", AGAIN);
    }
  }

  private void parse(byte[] header, long dataStart) {
    try (JsonParser json = JSON.createParser(header)) {
      json.nextToken();
      while (json.nextToken() != END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals(METADATA)) {
          if (json.currentToken() != VALUE_NULL) { // null is none, as in the reference library.
            parseMetadata(json);
          }
        } else {
          tensors.add(parseTensor(name, json, dataStart));
        }
      }
      if (json.nextToken() != null) {
        throw fail(place(json), "the header goes on after its closing brace", AGAIN);
      }
    } catch (JsonProcessingException e) {
      long at = PREFIX + Math.max(0, e.getLocation() == null ? 0 : e.getLocation().getByteOffset());
      String why = FormatException.clip(e.getOriginalMessage());
      throw fail("byte " + at, "the header is not the JSON it should be: " + why, AGAIN);
    } catch (IOException e) {
      throw new AssertionError("reading from memory", e);
    }
  }

  private void parseMetadata(JsonParser json) throws IOException {
    require(json, START_OBJECT, METADATA, "must be an object of texts");
    while (json.nextToken() != END_OBJECT) {
      String key = json.currentName();
      json.nextToken();
      require(
          json,
          VALUE_STRING,
          METADATA,
          "the value of " + FormatException.quote(key) + " must be a text");
      metadata.put(key, json.getText());
    }
  }

  private Tensor parseTensor(String name, JsonParser json, long dataStart) throws IOException {
    String place = tensorPlace(name);
    StoredType type = null;
    long[] shape = null;
    long[] range = null;
    require(json, START_OBJECT, place, "must be an object");
    while (json.nextToken() != END_OBJECT) {
      String key = json.currentName();
      json.nextToken();
      switch (key) {
        case "dtype" -> type = parseType(json, place);
        case "shape" -> shape = parseNumbers(json, place, "shape", MAX_RANK);
        case "data_offsets" -> range = parseNumbers(json, place, "data_offsets", 2);
        default ->
            // A field that we do not know could change what the bytes mean.
            throw fail(place, "unknown field " + FormatException.quote(key), AGAIN);
      }
    }
    if (type == null || shape == null || range == null) {
      String missing = type == null ? "dtype" : shape == null ? "shape" : "data_offsets";
      throw fail(place, missing + " is missing", AGAIN);
    } else if (range.length != 2 || range[0] > range[1]) {
      throw fail(place, "data_offsets " + Arrays.toString(range) + " are not [begin, end]", AGAIN);
    }
    checkSize(place, type, shape, range[1] - range[0]);
    long available = bytes.byteSize() - dataStart;
    if (range[1] > available) {
      throw fail(
          place,
          "its data ends at byte " + range[1] + " of the data, which has only " + available,
          "The file is cut short: download or write it again.");
    }
    return new Tensor(name, type.name(), shape, dataStart + range[0], dataStart + range[1]);
  }

  private StoredType parseType(JsonParser json, String place) throws IOException {
    require(json, VALUE_STRING, place, "dtype must be a text");
    String name = json.getText();
    if (StoredType.isSubByte(name)) {
      throw fail(
          place,
          "elements of type " + name + " are smaller than a byte, which is not read",
          "Convert the tensor to F32, F16 or BF16.");
    }
    return StoredType.named(name)
        .orElseThrow(
            () ->
                fail(
                    place,
                    "unknown dtype " + FormatException.quote(name),
                    "Convert the tensor to F32, F16 or BF16."));
  }

  private long[] parseNumbers(JsonParser json, String place, String what, int most)
      throws IOException {
    require(json, START_ARRAY, place, what + " must be a list of numbers");
    long[] numbers = new long[most];
    int count = 0;
    while (json.nextToken() != END_ARRAY) {
      // The sign is looked for in the text: "-0" is no count either.
      if (json.currentToken() != VALUE_NUMBER_INT || json.getText().startsWith("-")) {
        throw fail(place, what + " must hold whole numbers from 0, not " + shown(json), AGAIN);
      } else if (count == most) {
        throw fail(place, what + " has more than " + most + " numbers", AGAIN);
      }
      numbers[count++] = json.getLongValue();
    }
    return Arrays.copyOf(numbers, count);
  }

  private void checkSize(String place, StoredType type, long[] shape, long span) {
    long size;
    try {
      long elements = 1;
      for (long extent : shape) {
        elements = Math.multiplyExact(elements, extent);
      }
      size = Math.multiplyExact(elements, type.bytes());
    } catch (ArithmeticException _) {
      throw fail(place, "shape " + Arrays.toString(shape) + " has more than 2^63 bytes", AGAIN);
    }
    if (size != span) {
      throw fail(
          place,
          "%s%s takes %d bytes, its data_offsets span %d"
              .formatted(type, Arrays.toString(shape), size, span),
          AGAIN);
    }
  }

  /** The tensors lie one behind the other from the first byte of the data to the last. */
  private void checkCover(long dataStart) {
    long end = dataStart;
    for (Tensor tensor : tensors) {
      if (tensor.begin() != end) {
        throw fail(
            tensorPlace(tensor.name()),
            (tensor.begin() < end
                    ? "its data overlaps another tensor's by "
                    : "before its data lies a hole of ")
                + Math.abs(tensor.begin() - end)
                + " bytes",
            AGAIN);
      }
      end = tensor.end();
    }
    if (end != bytes.byteSize()) {
      throw fail("byte " + end, (bytes.byteSize() - end) + " bytes follow the last tensor", AGAIN);
    }
  }

  private void require(JsonParser json, JsonToken token, String place, String demand)
      throws IOException {
    if (json.currentToken() != token) {
      throw fail(place, demand + ", not " + shown(json), AGAIN);
    }
  }

  private static String shown(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      default -> FormatException.quote(json.getText());
    };
  }

  private static String place(JsonParser json) {
    return "byte " + (PREFIX + json.currentTokenLocation().getByteOffset());
  }

  static String tensorPlace(String name) {
    return "tensor " + FormatException.quote(name);
  }

  private ModelFormatException fail(String place, String reason, String remedy) {
    return new ModelFormatException(file, place, reason, remedy);
  }
}
