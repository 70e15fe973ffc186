package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeCacheTest {
  private static final byte[] CONTENT = new byte[3 << 20];

  @TempDir Path folder;
  private URL resource;
  private Path root;

  /** Unpacks in a process of its own: jar URL, cache folder. */
  static final class Unpack {
    private Unpack() {}

    public static void main(String[] args) throws IOException {
      Path file = new NativeCache(Path.of(args[1])).file(URI.create(args[0]).toURL(), "lib.so");
      System.out.println(file);
    }
  }

  @BeforeEach
  void makeJar() throws IOException {
    new Random(1).nextBytes(CONTENT);
    Path jar = folder.resolve("a.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out)) {
      entries.putNextEntry(new JarEntry("native/lib.so"));
      entries.write(CONTENT);
    }
    resource = URI.create("jar:" + jar.toUri() + "!/native/lib.so").toURL();
    root = folder.resolve("cache");
  }

  @Test
  void aResourceThatIsAFileIsUsedInPlace() throws IOException {
    Path file = Files.write(folder.resolve("lib.so"), CONTENT);
    assertEquals(file, new NativeCache(root).file(file.toUri().toURL(), "lib.so"));
    assertTrue(Files.notExists(root));
  }

  @Test
  void copiesOnceAndReplacesADamagedCopy() throws IOException {
    NativeCache cache = new NativeCache(root);
    Path file = cache.file(resource, "lib.so");
    assertArrayEquals(CONTENT, Files.readAllBytes(file));
    Object identity = Files.getAttribute(file, "unix:ino");
    assertEquals(file, cache.file(resource, "lib.so"));
    assertEquals(identity, Files.getAttribute(file, "unix:ino"), "copied again");
    byte[] damaged = CONTENT.clone();
    damaged[damaged.length / 2] ^= 1;
    Files.write(file, damaged);
    assertArrayEquals(CONTENT, Files.readAllBytes(cache.file(resource, "lib.so")));
  }

  @Test
  void refusesAFolderThatOthersCanWrite() throws IOException {
    NativeCache cache = new NativeCache(root);
    Path file = cache.file(resource, "lib.so");
    Files.setPosixFilePermissions(file.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
    var e = assertThrows(IOException.class, () -> cache.file(resource, "lib.so"));
    assertTrue(e.getMessage().endsWith("delete it or set -Dcatena.cache"), e.getMessage());
  }

  @Test
  void manyThreadsAndProcessesAtOnceSeeOneWholeFile() throws Exception {
    List<Process> processes = Stream.generate(this::unpackInAProcess).limit(2).toList();
    Callable<Path> here = () -> new NativeCache(root).file(resource, "lib.so");
    try (var threads = Executors.newFixedThreadPool(8)) {
      for (Future<Path> file : threads.invokeAll(Stream.generate(() -> here).limit(32).toList())) {
        assertArrayEquals(CONTENT, Files.readAllBytes(file.get()));
      }
    }
    for (Process process : processes) {
      String said = new String(process.getInputStream().readAllBytes());
      assertEquals(0, process.waitFor(), said);
      assertArrayEquals(CONTENT, Files.readAllBytes(Path.of(said.strip())));
    }
    try (Stream<Path> files = Files.walk(root)) {
      assertEquals(1, files.filter(Files::isRegularFile).count(), "parts left over");
    }
  }

  private Process unpackInAProcess() {
    try {
      return new ProcessBuilder(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-cp",
              "target/classes:target/test-classes",
              Unpack.class.getName(),
              resource.toString(),
              root.toString())
          .redirectErrorStream(true)
          .start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
