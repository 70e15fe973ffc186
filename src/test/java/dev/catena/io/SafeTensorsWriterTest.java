package dev.catena.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.graph.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class SafeTensorsWriterTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("weights.safetensors");
  }

  @Test
  void readsBackWhatItWrote() throws IOException {
    float[] values =
        new Random(7)
            .doubles(100, -1e5, 1e5)
            .collect(() -> new FloatList(100), FloatList::add, (_, _) -> {})
            .array;
    var writer =
        new SafeTensorsWriter()
            .metadata("epoch", "12")
            .metadata("naïve", "\"\\\n\u0001\uD83D\uDE00");
    for (DType dtype : DType.values()) {
      writer.add(dtype.name(), dtype, new long[] {5, 20}, values);
    }
    writer.add("scalar", DType.FP32, new long[0], new float[] {-0f});
    writer.add("nothing", DType.BF16, new long[] {3, 0}, new float[0]);
    writer.write(file);
    try (SafeTensors back = SafeTensors.open(file)) {
      for (DType dtype : DType.values()) {
        float[] read = back.floats(dtype.name());
        for (int i = 0; i < values.length; i++) {
          assertEquals(dtype.round(values[i]), read[i]);
        }
        assertArrayEquals(new long[] {5, 20}, back.tensor(dtype.name()).shape());
      }
      assertArrayEquals(new float[] {-0f}, back.floats("scalar"));
      assertEquals(0, back.tensor("nothing").elements());
      assertEquals(Map.of("epoch", "12", "naïve", "\"\\\n\u0001\uD83D\uDE00"), back.metadata());
      back.tensors()
          .values()
          .forEach(t -> assertEquals(0, t.begin() % t.type().bytes(), t.toString()));
    }
  }

  private static final class FloatList {
    private final float[] array;
    private int size;

    FloatList(int size) {
      array = new float[size];
    }

    void add(double value) {
      array[size++] = (float) value;
    }
  }

  /** Byte for byte the file of the reference implementation, whatever the order of adding. */
  @Test
  void writesWhatTheReferenceWrites() throws IOException {
    Path golden = folder.resolve("golden.safetensors");
    try (var in = getClass().getResourceAsStream("/golden/io/torch.safetensors")) {
      Files.copy(in, golden);
    }
    try (SafeTensors source = SafeTensors.open(golden)) {
      List<SafeTensors.Tensor> tensors = new ArrayList<>(source.tensors().values());
      for (int seed = 0; seed < 5; seed++) {
        Collections.shuffle(tensors, new Random(seed));
        var writer = new SafeTensorsWriter();
        source.metadata().forEach(writer::metadata);
        for (SafeTensors.Tensor t : tensors) {
          switch (t.dtype()) {
            case "F32" -> writer.add(t.name(), DType.FP32, t.shape(), source.floats(t.name()));
            case "F16" -> writer.add(t.name(), DType.FP16, t.shape(), source.floats(t.name()));
            case "BF16" -> writer.add(t.name(), DType.BF16, t.shape(), source.floats(t.name()));
            default -> writer.addRaw(t.name(), t.dtype(), t.shape(), source.segment(t.name()));
          }
        }
        writer.write(file);
        assertEquals(-1, Files.mismatch(golden, file));
      }
    }
  }

  @Test
  void streamsLargeTensorsInOrder() throws IOException {
    int n = (5 << 19) + 3;
    List<Long> starts = new ArrayList<>();
    SafeTensorsWriter.Source counting =
        (first, to) -> {
          starts.add(first);
          for (long i = 0; i < to.byteSize() / 4; i++) {
            to.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (first + i));
          }
        };
    new SafeTensorsWriter().add("n", DType.FP32, new long[] {n}, counting).write(file);
    try (SafeTensors back = SafeTensors.open(file)) {
      float[] values = back.floats("n");
      for (int i = 0; i < n; i++) {
        assertEquals(i, values[i]);
      }
    }
    assertEquals(List.of(0L, 1L << 20, 2L << 20), starts);
  }

  @Test
  void leavesTheOldFileWhenASourceFails() throws IOException {
    Files.writeString(file, "old");
    var writer =
        new SafeTensorsWriter()
            .add(
                "w",
                DType.FP32,
                new long[] {4},
                (_, _) -> {
                  throw new IOException("the device is gone");
                });
    var error = assertThrows(FileSystemException.class, () -> writer.write(file));
    assertTrue(error.getMessage().contains("the device is gone"), error::getMessage);
    assertEquals("old", Files.readString(file));
    assertOnly(file);
  }

  /**
   * The system's own refusal, by a limit on file sizes in a process of its own: as a full disk
   * would.
   */
  @Test
  @EnabledOnOs(OS.LINUX)
  void leavesTheOldFileWhenTheSystemRefuses() throws Exception {
    Files.writeString(file, "old");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String path = System.getProperty("jdk.module.path", "");
    String classes =
        System.getProperty("java.class.path")
            + ":"
            + path
            + ":"
            + location(Big.class)
            + ":"
            + location(SafeTensors.class);
    Process child =
        new ProcessBuilder(
                "sh",
                "-c",
                "ulimit -f 64; exec \"$@\"",
                "sh",
                java,
                "-XX:-UsePerfData",
                "-cp",
                classes,
                Big.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(child.getInputStream().readAllBytes());
    assertTrue(child.waitFor(60, TimeUnit.SECONDS));
    assertTrue(said.contains("FileSystemException: " + file + ": not written"), said);
    assertTrue(said.contains("1048576 bytes of tensors"), said);
    assertEquals("old", Files.readString(file));
    assertOnly(file);
  }

  private static String location(Class<?> type) {
    return Path.of(URI.create(type.getProtectionDomain().getCodeSource().getLocation().toString()))
        .toString();
  }

  /** Writes a megabyte to the file named. */
  static final class Big {
    private Big() {}

    public static void main(String[] args) throws IOException {
      new SafeTensorsWriter()
          .add("w", DType.FP32, new long[] {1 << 18}, new float[1 << 18])
          .write(Path.of(args[0]));
    }
  }

  @Test
  void replacesTheTargetOfALink() throws IOException {
    Files.writeString(file, "old");
    Path link = Files.createSymbolicLink(folder.resolve("latest"), file);
    new SafeTensorsWriter().write(link);
    assertTrue(Files.isSymbolicLink(link));
    SafeTensors.open(file).close();
  }

  @Test
  void namesAFolderThatIsMissing() {
    Path missing = folder.resolve("none").resolve("w.safetensors");
    var error =
        assertThrows(FileSystemException.class, () -> new SafeTensorsWriter().write(missing));
    assertTrue(error.getMessage().startsWith(missing + ": not written"), error::getMessage);
  }

  @Test
  void refusesWhatTheFormatCannotSay() {
    var writer = new SafeTensorsWriter().add("w", DType.FP32, new long[] {1}, new float[1]);
    long[] one = {1};
    List.<Runnable>of(
            () -> writer.add("w", DType.FP16, one, new float[1]),
            () -> writer.add("__metadata__", DType.FP16, one, new float[1]),
            () -> writer.add("\uD800", DType.FP16, one, new float[1]),
            () -> writer.metadata("k", "\uDC00"),
            () -> writer.add("n", DType.FP16, new long[] {-1}, new float[1]),
            () -> writer.add("n", DType.FP16, new long[] {1L << 40, 1L << 40}, new float[1]),
            () -> writer.add("n", DType.FP16, new long[] {2}, new float[1]),
            () -> writer.addRaw("n", "F32", one, MemorySegment.ofArray(new byte[3])),
            () -> writer.addRaw("n", "F4", one, MemorySegment.ofArray(new byte[1])))
        .forEach(wrong -> assertThrows(IllegalArgumentException.class, wrong::run));
  }

  private void assertOnly(Path expected) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(expected), files.toList());
    }
  }
}
