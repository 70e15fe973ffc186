package dev.catena.io;

import static dev.catena.io.SafeTensorsFiles.entry;
import static dev.catena.io.SafeTensorsFiles.file;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads the file that PyTorch wrote (src/test/python/golden_safetensors.py). */
class SafeTensorsTest {
  @TempDir Path folder;
  private SafeTensors golden;

  @BeforeEach
  void open() throws IOException {
    try (var in = SafeTensorsTest.class.getResourceAsStream("/golden/io/torch.safetensors")) {
      Path file = folder.resolve("torch.safetensors");
      Files.copy(in, file);
      golden = SafeTensors.open(file);
    }
  }

  @AfterEach
  void close() {
    golden.close();
  }

  @Test
  void listsTensorsInTheOrderOfTheirData() {
    assertEquals(
        List.of(
            "norm.num_batches_tracked",
            "double",
            "conv.weight",
            "empty",
            "name with \"quotes\" and ünïcode",
            "special",
            "labels",
            "brain",
            "half",
            "bytes",
            "mask"),
        List.copyOf(golden.tensors().keySet()));
    assertEquals("conv.weight F32[3, 4]", golden.tensor("conv.weight").toString());
    assertEquals(12, golden.tensor("conv.weight").elements());
    assertEquals(1, golden.tensor("norm.num_batches_tracked").elements());
    assertEquals(0, golden.tensor("empty").elements());
    assertEquals(Map.of("format", "pt"), golden.metadata());
  }

  /** As the reference library reads it. */
  @Test
  void takesNullMetadataForNone() throws IOException {
    String header =
        "{\"__metadata__\":null," + SafeTensorsFiles.entry("a", "F32", "[2]", 0, 8) + "}";
    Path file = SafeTensorsFiles.write(folder, SafeTensorsFiles.file(header, 8));
    try (SafeTensors read = SafeTensors.open(file)) {
      assertEquals(Map.of(), read.metadata());
      assertEquals(2, read.tensor("a").elements());
    }
  }

  @Test
  void convertsEveryFloatingType() {
    for (int i = 0; i < 12; i++) {
      float third = (i - 6) / 3f;
      assertEquals(third, golden.floats("conv.weight")[i]);
      assertEquals(DType.FP16.round(third), golden.floats("half")[i]);
      assertEquals(DType.BF16.round(third), golden.floats("brain")[i]);
      assertEquals(third, golden.floats("double")[i]);
    }
    assertArrayEquals(
        new float[] {
          Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f, 1e-45f, Float.MAX_VALUE
        },
        golden.floats("special"));
    assertArrayEquals(new float[0], golden.floats("empty"));
  }

  @Test
  void convertsIntegersThatAreExact() {
    assertArrayEquals(new float[] {16_777_216}, golden.floats("norm.num_batches_tracked"));
    assertArrayEquals(new float[] {-1, 0, 9}, golden.floats("labels"));
    assertArrayEquals(new float[] {0, 127, 255}, golden.floats("bytes"));
    assertArrayEquals(new float[] {1, 0}, golden.floats("mask"));
    assertArrayEquals(new long[] {-1, 0, 9}, golden.longs("labels"));
    assertArrayEquals(new long[] {0, 127, 255}, golden.longs("bytes"));
    assertThrows(ModelFormatException.class, () -> golden.longs("half"));
  }

  @Test
  void refusesIntegersThatAreNot() throws IOException {
    long[] inexact = {(1L << 24) + 1, -(1L << 24) - 1, Long.MAX_VALUE, (1L << 40) + 1};
    long[] exact = {1L << 24, (1L << 24) + 2, Long.MIN_VALUE, 1L << 62, 0, -5};
    for (long value : inexact) {
      try (SafeTensors one = single("I64", "[1]", value)) {
        var error = assertThrows(ModelFormatException.class, () -> one.floats("a"));
        assertTrue(error.reason().contains("element 0 is " + value), error::getMessage);
        assertArrayEquals(new long[] {value}, one.longs("a"));
      }
    }
    for (long value : exact) {
      try (SafeTensors one = single("I64", "[1]", value)) {
        assertArrayEquals(new float[] {value}, one.floats("a"));
      }
    }
    try (SafeTensors one = single("U64", "[1]", -1)) {
      assertThrows(ModelFormatException.class, () -> one.longs("a"));
      assertThrows(ModelFormatException.class, () -> one.floats("a"));
    }
    try (SafeTensors one = single("U32", "[2]", 0xffff_fffe_8000_0000L)) {
      assertArrayEquals(new long[] {0x8000_0000L, 0xffff_fffeL}, one.longs("a"));
    }
    try (SafeTensors one = single("I16", "[4]", 0x0001_8000_ffff_7fffL)) {
      assertArrayEquals(new float[] {32767, -1, -32768, 1}, one.floats("a"));
    }
    try (SafeTensors one = single("U16", "[4]", 0x0001_8000_ffff_7fffL)) {
      assertArrayEquals(new long[] {32767, 65535, 32768, 1}, one.longs("a"));
    }
    try (SafeTensors one = single("I8", "[8]", 0x80ff)) {
      assertArrayEquals(new long[] {-1, -128, 0, 0, 0, 0, 0, 0}, one.longs("a"));
    }
    try (SafeTensors one = single("F64", "[1]", Double.doubleToLongBits(1e39))) {
      assertThrows(ModelFormatException.class, () -> one.floats("a"));
    }
    try (SafeTensors one = single("F8_E4M3", "[8]", 0)) {
      var error = assertThrows(ModelFormatException.class, () -> one.floats("a"));
      assertTrue(error.reason().contains("F8_E4M3"), error::getMessage);
      assertEquals(8, one.segment("a").byteSize());
    }
  }

  @Test
  void readsTensorsThatAreNotAligned() throws IOException {
    String header =
        "{" + entry("b", "U8", "[1]", 0, 1) + "," + entry("w", "F32", "[1]", 1, 5) + "}";
    byte[] content = file(header + (header.length() % 2 == 0 ? " " : ""), 5);
    ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).putFloat(content.length - 4, 1.5f);
    try (SafeTensors tensors = SafeTensors.open(SafeTensorsFiles.write(folder, content))) {
      assertArrayEquals(new float[] {1.5f}, tensors.floats("w"));
    }
  }

  @Test
  void acceptsAnyOrderOfEntriesAndFields() throws IOException {
    String header =
        "{\"b\":{\"data_offsets\":[4,5],\"shape\":[],\"dtype\":\"U8\"}, \n"
            + entry("a", "U8", "[4]", 0, 4)
            + ",\"__metadata__\":{}}   ";
    Path file = SafeTensorsFiles.write(folder, file(header, 5));
    try (SafeTensors tensors = SafeTensors.open(file)) {
      assertEquals(List.of("a", "b"), List.copyOf(tensors.tensors().keySet()));
    }
    try (SafeTensors none = SafeTensors.open(SafeTensorsFiles.write(folder, file("{}", 0)))) {
      assertTrue(none.tensors().isEmpty());
    }
  }

  @Test
  void fillsSegments() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment room = arena.allocate(12 * 4);
      golden.floats("half", room);
      assertEquals(DType.FP16.round(-5 / 3f), room.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
      assertThrows(IllegalArgumentException.class, () -> golden.floats("labels", room));
    }
  }

  @Test
  void viewsAreReadOnly() {
    MemorySegment view = golden.segment("bytes");
    assertEquals(3, view.byteSize());
    assertEquals((byte) 127, view.get(ValueLayout.JAVA_BYTE, 1));
    assertTrue(view.isReadOnly());
  }

  @Test
  void namesWhatComesNearAMissingTensor() {
    var error = assertThrows(ModelFormatException.class, () -> golden.floats("module.conv.weight"));
    assertTrue(error.getMessage().contains("no tensor 'module.conv.weight'"), error::getMessage);
    assertTrue(error.remedy().startsWith("Nearest are 'conv.weight'"), error::getMessage);
  }

  @Test
  void refusesUseAfterClose() {
    MemorySegment view = golden.segment("bytes");
    golden.close();
    golden.close();
    assertThrows(IllegalStateException.class, () -> golden.floats("half"));
    assertThrows(IllegalStateException.class, () -> golden.longs("labels"));
    assertThrows(IllegalStateException.class, () -> golden.segment("half"));
    assertThrows(IllegalStateException.class, () -> view.get(ValueLayout.JAVA_BYTE, 0));
    assertFalse(golden.tensors().isEmpty());
  }

  private SafeTensors single(String dtype, String shape, long bits) throws IOException {
    byte[] content = file("{" + entry("a", dtype, shape, 0, 8) + "}", 8);
    ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).putLong(content.length - 8, bits);
    return SafeTensors.open(SafeTensorsFiles.write(folder, content));
  }
}
