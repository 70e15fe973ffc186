package dev.catena.io;

import static dev.catena.io.SafeTensorsFiles.entry;
import static dev.catena.io.SafeTensorsFiles.file;
import static dev.catena.io.SafeTensorsFiles.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every way in which a safetensors file can lie, and that each is told by name. */
@Tag("slow")
class HostileSafeTensorsTest {
  @TempDir Path folder;

  static Stream<Arguments> unsound() {
    String a = entry("a", "F32", "[2]", 0, 8);
    String open = "{\"a\":{\"dtype\":\"F32\",\"shape\":";
    return Stream.of(
        unsound("empty file", new byte[0], "the file is empty"),
        unsound("three bytes", new byte[3], "too few for a header's length"),
        unsound("header length 2^63", file(Long.MIN_VALUE, bytes("{}"), 0), "9223372036854775808"),
        unsound("header length -1", file(-1, bytes("{}"), 0), "18446744073709551615"),
        unsound(
            "header length over the limit", file(100_000_001, bytes("{}"), 0), "allows 100000000"),
        unsound("header longer than the file", file(3, bytes("{}"), 0), "the file has only 2 left"),
        unsound("header of no bytes", file("", 8), "does not open with '{'"),
        unsound("header of one byte", file("{", 0), "does not open with '{'"),
        unsound("leading space", file(" {}", 0), "does not open with '{'"),
        unsound("byte order mark", file("\uFEFF{}", 0), "does not open with '{'"),
        unsound("a list", file("[]", 0), "does not open with '{'"),
        unsound("unclosed object", file("{" + a, 8), "not the JSON"),
        unsound("second object", file("{" + a + "}{}", 8), "goes on after its closing brace"),
        unsound("NUL padding", file("{" + a + "}\0", 8), "not the JSON"),
        unsound("UTF-16", file("{}".getBytes(StandardCharsets.UTF_16LE), 0), "NUL"),
        unsound("comment", file("{/**/" + a + "}", 8), "not the JSON"),
        unsound("trailing comma", file("{" + a + ",}", 8), "not the JSON"),
        unsound("raw newline in a name", file("{\"a\nb\":{}}", 0), "not the JSON"),
        unsound(
            "invalid UTF-8",
            file(latin1("{\"\u00ff\":{}}"), 0),
            "byte 10: the header is not valid UTF-8"),
        unsound("overlong UTF-8", file(latin1("{\"\u00c0\u00af\":{}}"), 0), "not valid UTF-8"),
        unsound(
            "UTF-8 surrogate", file(latin1("{\"\u00ed\u00a0\u0080\":{}}"), 0), "not valid UTF-8"),
        unsound("cut UTF-8", file(latin1("{}\u00c3"), 0), "not valid UTF-8"),
        unsound("duplicate tensor", file("{" + a + "," + a + "}", 8), "uplicate"),
        unsound(
            "duplicate by escape",
            file("{" + a + "," + a.replace("\"a\"", "\"\\u0061\"") + "}", 8),
            "uplicate"),
        unsound(
            "duplicate field",
            file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0),
            "uplicate"),
        unsound(
            "duplicate metadata key",
            file("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0),
            "uplicate"),
        unsound("two metadata", file("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "uplicate"),
        unsound("metadata list", file("{\"__metadata__\":[]}", 0), "must be an object of texts"),
        unsound(
            "metadata number",
            file("{\"__metadata__\":{\"k\":1}}", 0),
            "the value of 'k' must be a text"),
        unsound(
            "metadata object",
            file("{\"__metadata__\":{\"k\":{}}}", 0),
            "must be a text, not an object"),
        unsound("metadata null", file("{\"__metadata__\":{\"k\":null}}", 0), "must be a text"),
        unsound(
            "tensor is a text", file("{\"a\":\"x\"}", 0), "tensor 'a': must be an object, not 'x'"),
        unsound("unknown field", file("{\"a\":{\"stride\":[1]}}", 0), "unknown field 'stride'"),
        unsound(
            "no dtype",
            file("{\"a\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0),
            "dtype is missing"),
        unsound(
            "no shape",
            file("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", 0),
            "shape is missing"),
        unsound("no offsets", file(open + "[0]}}", 0), "data_offsets is missing"),
        unsound(
            "unknown dtype",
            file("{" + entry("a", "F33", "[2]", 0, 8) + "}", 8),
            "unknown dtype 'F33'"),
        unsound(
            "lower case dtype",
            file("{" + entry("a", "f32", "[2]", 0, 8) + "}", 8),
            "unknown dtype 'f32'"),
        unsound("dtype is a number", file("{\"a\":{\"dtype\":32}}", 0), "dtype must be a text"),
        unsound(
            "F4",
            file("{" + entry("a", "F4", "[2]", 0, 1) + "}", 1),
            "type F4 are smaller than a byte"),
        unsound("F6", file("{" + entry("a", "F6_E2M3", "[4]", 0, 3) + "}", 3), "F6_E2M3"),
        unsound("negative extent", file(open + "[-1]}}", 0), "whole numbers from 0, not '-1'"),
        unsound("minus zero", file(open + "[-0]}}", 0), "whole numbers from 0, not '-0'"),
        unsound("float extent", file(open + "[2.0]}}", 0), "whole numbers from 0, not '2.0'"),
        unsound("exponent extent", file(open + "[1e1]}}", 0), "whole numbers from 0, not '1e1'"),
        unsound("leading zero", file(open + "[02]}}", 0), "not the JSON"),
        unsound("hexadecimal", file(open + "[0x2]}}", 0), "not the JSON"),
        unsound("NaN extent", file(open + "[NaN]}}", 0), "not the JSON"),
        unsound("text extent", file(open + "[\"2\"]}}", 0), "whole numbers from 0"),
        unsound("extent 2^63", file(open + "[9223372036854775808]}}", 0), "out of range"),
        unsound(
            "long number", file(open + "[" + "9".repeat(5000) + "]}}", 0), "umber value length"),
        unsound("nested shape", file(open + "[[2]]}}", 0), "nesting"),
        unsound(
            "65 extents",
            file(open + Arrays.toString(new int[65]) + "}}", 0),
            "more than 64 numbers"),
        unsound("shape is a number", file(open + "2}}", 0), "shape must be a list of numbers"),
        unsound(
            "product beyond 2^64",
            file("{" + entry("a", "F32", "[4294967296,4294967296]", 0, 0) + "}", 0),
            "more than 2^63 bytes"),
        unsound(
            "overflow before a zero",
            file("{" + entry("a", "F32", "[4294967296,4294967296,0]", 0, 0) + "}", 0),
            "more than 2^63 bytes"),
        unsound(
            "size beyond 2^63",
            file("{" + entry("a", "F32", "[2305843009213693952]", 0, 0) + "}", 0),
            "more than 2^63 bytes"),
        unsound(
            "range too short",
            file("{" + entry("a", "F32", "[2]", 0, 7) + "}", 7),
            "F32[2] takes 8 bytes, its data_offsets span 7"),
        unsound("range too long", file("{" + entry("a", "F32", "[2]", 0, 9) + "}", 9), "span 9"),
        unsound(
            "range reversed",
            file("{" + entry("a", "F32", "[2]", 8, 0) + "}", 8),
            "[8, 0] are not [begin, end]"),
        unsound(
            "one offset", file(open + "[2],\"data_offsets\":[8]}}", 8), "[8] are not [begin, end]"),
        unsound(
            "three offsets",
            file(open + "[2],\"data_offsets\":[0,8,8]}}", 8),
            "more than 2 numbers"),
        unsound(
            "beyond the end",
            file("{" + a + "}", 7),
            "ends at byte 8 of the data, which has only 7"),
        unsound(
            "far beyond the end",
            file("{" + entry("a", "U8", "[1]", Long.MAX_VALUE - 1, Long.MAX_VALUE) + "}", 1),
            "which has only 1"),
        unsound("trailing bytes", file("{" + a + "}", 9), "1 bytes follow the last tensor"),
        unsound("no tensors, data", file("{}", 1), "1 bytes follow the last tensor"),
        unsound(
            "hole at the start",
            file("{" + entry("a", "F32", "[2]", 4, 12) + "}", 12),
            "a hole of 4 bytes"),
        unsound(
            "hole between",
            file("{" + a + "," + entry("b", "U8", "[1]", 9, 10) + "}", 10),
            "tensor 'b': before its data lies a hole of 1"),
        unsound(
            "overlap",
            file("{" + a + "," + entry("b", "U8", "[2]", 7, 9) + "}", 9),
            "tensor 'b': its data overlaps another tensor's by 1"),
        unsound(
            "shared",
            file("{" + a + "," + a.replace("\"a\"", "\"b\"") + "}", 8),
            "overlaps another tensor's by 8"),
        unsound("deep JSON", file("{\"a\":" + "[".repeat(100_000), 0), "not a list"),
        unsound(
            "deep JSON in a field",
            file("{\"a\":{\"shape\":" + "[".repeat(100_000), 0),
            "nesting"));
  }

  static Arguments unsound(String what, byte[] content, String reason) {
    return argumentSet(what, content, reason);
  }

  @ParameterizedTest
  @MethodSource("unsound")
  void namesWhatIsWrong(byte[] content, String reason) {
    Path file = write(folder, content);
    var error = assertThrows(ModelFormatException.class, () -> SafeTensors.open(file));
    assertTrue(error.getMessage().contains(reason), error::getMessage);
    assertTrue(error.getMessage().startsWith(file.toString()), error::getMessage);
    assertTrue(error.getMessage().length() < 1000, "a message of " + error.getMessage().length());
  }

  static Stream<Arguments> otherKinds() {
    return Stream.of(
        argumentSet(
            "PyTorch",
            latin1("PK\3\4" + "\0".repeat(26) + "archive/data.pkl"),
            "PyTorch checkpoint",
            "torch.load"),
        argumentSet(
            "pickle",
            latin1("\u0080\2\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\31."),
            "pickle",
            "torch.load"),
        argumentSet(
            "npz", latin1("PK\3\4" + "\0".repeat(26) + "weight.npy"), "NumPy", "numpy.load"),
        argumentSet("npy", latin1("\u0093NUMPY\1\0v\0{'descr'"), "NumPy", "numpy.load"),
        argumentSet("zip", latin1("PK\3\4" + "\0".repeat(26) + "README"), "zip archive", "Unpack"),
        argumentSet("gzip", latin1("\u001f\u008b\b\0\0\0\0\0\0\0"), "gzip", "gunzip"),
        argumentSet("ONNX", latin1("\b\b\22\7pytorch\32\0052.1.0"), "ONNX", "Export"),
        argumentSet("GGUF", latin1("GGUF\3\0\0\0\0\0\0\0"), "GGUF", ".safetensors"),
        argumentSet("HDF5", latin1("\u0089HDF\r\n\32\n\0\0"), "HDF5", ".safetensors"),
        argumentSet(
            "LFS",
            bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
            "Git LFS pointer",
            "git lfs pull"),
        argumentSet("HTML", bytes("\n<!DOCTYPE html><html>"), "web page", "download"),
        argumentSet("XML", bytes("<?xml version=\"1.0\"?><Error>"), "server's answer", "download"),
        argumentSet("index", bytes("{\n  \"metadata\": {}}"), "JSON", "holds the tensors"));
  }

  @ParameterizedTest
  @MethodSource("otherKinds")
  void recognisesOtherKinds(byte[] content, String kind, String remedy) {
    Path file = write(folder, content);
    var error = assertThrows(ModelFormatException.class, () -> SafeTensors.open(file));
    assertTrue(error.reason().contains(kind), error::getMessage);
    assertTrue(error.remedy().contains(remedy), error::getMessage);
  }

  @Test
  void refusesEveryTruncation() throws IOException {
    byte[] whole = golden();
    for (int length = 0; length < whole.length; length++) {
      Path file = write(folder, Arrays.copyOf(whole, length));
      assertThrows(ModelFormatException.class, () -> SafeTensors.open(file), "cut to " + length);
    }
  }

  @Test
  void survivesMutants() throws IOException {
    Path file = folder.resolve("mutant.safetensors");
    byte[] whole = golden();
    Random random = new Random(20_260_101);
    int sound = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] mutant = mutate(whole, random);
      long start = System.nanoTime();
      try {
        new SafeTensorsHeader(file, MemorySegment.ofArray(mutant));
        sound++;
        Files.write(file, mutant);
        try (SafeTensors tensors = SafeTensors.open(file)) {
          tensors.tensors().keySet().forEach(name -> readAsAllowed(tensors, name));
        }
      } catch (ModelFormatException e) {
        assertTrue(e.getMessage().length() < 1000, e::getMessage);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("mutant " + i + ": " + Arrays.toString(mutant), e);
      }
      long millis = (System.nanoTime() - start) / 1_000_000;
      assertTrue(millis < 5000, "mutant " + i + " took " + millis + " ms");
    }
    // Both outcomes must occur, or the mutations are too wild or too tame to say anything.
    assertTrue(sound > 500 && sound < 19_500, sound + " of 20000 were sound");
  }

  private static void readAsAllowed(SafeTensors tensors, String name) {
    try {
      assertEquals(tensors.tensor(name).elements(), tensors.floats(name).length);
    } catch (ModelFormatException _) {
      // A mutated dtype whose values fp32 does not hold.
    }
  }

  private static byte[] mutate(byte[] whole, Random random) {
    byte[] bytes = whole.clone();
    int headerEnd = 8 + (bytes[0] & 0xff | (bytes[1] & 0xff) << 8);
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      // Mostly the header: that is where decisions are made.
      int at =
          random.nextInt(random.nextInt(8) == 0 ? bytes.length : Math.min(bytes.length, headerEnd));
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> bytes[at] = (byte) "{}[],:\"\\0123456789-.eE \n".charAt(random.nextInt(24));
        case 3 -> bytes = Arrays.copyOf(bytes, random.nextInt(8) == 0 ? at + 1 : bytes.length);
        case 4 -> {
          // A piece of the file over another place.
          int length = Math.min(random.nextInt(40), bytes.length - at);
          System.arraycopy(bytes, random.nextInt(bytes.length - length + 1), bytes, at, length);
        }
        default -> {
          byte digit = (byte) ('0' + random.nextInt(10));
          bytes[at] = Character.isDigit(bytes[at]) ? digit : bytes[at];
        }
      }
    }
    return bytes;
  }

  /** The largest header allowed, of as many tiny tensors as fit, must not take long or much. */
  @Test
  void readsHugeHeadersQuickly() throws IOException {
    StringBuilder header = new StringBuilder("{");
    int count = 200_000;
    for (int i = 0; i < count; i++) {
      header.append(i == 0 ? "" : ",").append(entry("t" + i, "U8", "[0]", 0, 0));
    }
    Path many = write(folder, file(header.append('}').toString(), 0));
    Assertions.assertTimeout(
        Duration.ofSeconds(20),
        () -> {
          try (SafeTensors tensors = SafeTensors.open(many)) {
            assertEquals(count, tensors.tensors().size());
          }
        });
    Path text =
        write(folder, file("{\"__metadata__\":{\"k\":\"" + "x".repeat(30_000_000) + "\"}}", 0));
    try (SafeTensors tensors = SafeTensors.open(text)) {
      assertEquals(30_000_000, tensors.metadata().get("k").length());
    }
  }

  @Test
  void tellsAFileShortenedWhileOpen() throws IOException {
    // Larger than a page, so that whole pages vanish.
    int bytes = 1 << 20;
    Path file = write(folder, file("{" + entry("a", "F32", "[262144]", 0, bytes) + "}", bytes));
    try (SafeTensors tensors = SafeTensors.open(file);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(4096);
      var error = assertThrows(ModelFormatException.class, () -> tensors.floats("a"));
      assertTrue(error.reason().contains("shortened"), error::getMessage);
    }
  }

  @Test
  void leavesPlainTroubleToIoException() {
    assertThrows(NoSuchFileException.class, () -> SafeTensors.open(folder.resolve("missing")));
    var error = assertThrows(FileSystemException.class, () -> SafeTensors.open(folder));
    assertTrue(error.getMessage().contains("not a regular file"), error::getMessage);
  }

  private static byte[] golden() throws IOException {
    try (var in =
        HostileSafeTensorsTest.class.getResourceAsStream("/golden/io/torch.safetensors")) {
      return in.readAllBytes();
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
