package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A library in a jar, where the machine makes it hard to unpack: each in a process of its own. */
class BundledLibraryTest {
  private static final Path CLASSES = Path.of("target", "classes");

  @TempDir static Path shared;
  private static Path jar;

  @TempDir Path folder;

  /** Searches for each cache folder named, one after the other, and says what came of it. */
  static final class Search {
    private Search() {}

    public static void main(String[] args) {
      if (args.length == 0) {
        Thread.currentThread().interrupt();
        System.out.println(NativeLibraries.find(NativeLibrary.CUHOST).explain());
        System.out.println(Thread.interrupted() ? "still interrupted" : "interrupt lost");
      }
      for (String cache : args) {
        System.setProperty(CacheFolders.PROPERTY, cache);
        System.out.println(NativeLibraries.find(NativeLibrary.CUHOST).explain());
      }
    }
  }

  @BeforeAll
  static void makeJar() throws IOException {
    jar = shared.resolve("catena.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out);
        Stream<Path> files = Files.walk(CLASSES)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = CLASSES.relativize(file).toString();
        if (name.startsWith("dev/catena/driver/") || name.contains("/native/")) {
          entries.putNextEntry(new JarEntry(name));
          Files.copy(file, entries);
        }
      }
    }
  }

  @Test
  void anInterruptDoesNotKeepALibraryFromBeingUnpacked() throws Exception {
    String said = search(List.of(), "-Dcatena.cache=" + folder);
    assertTrue(said.startsWith(folder + "/native/"), said);
    assertTrue(said.endsWith("still interrupted"), said);
  }

  @Test
  void aFolderThatCannotBeWrittenIsNotRemembered() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    Path sound = folder.resolve("cache");
    List<String> said = search(List.of(), "", file.toString(), sound.toString()).lines().toList();
    assertTrue(said.getFirst().contains("could not be unpacked"), said.getFirst());
    assertTrue(said.getFirst().contains("to have it, set -Dcatena.cache to"), said.getFirst());
    assertTrue(said.getLast().startsWith(sound.toString()), said.getLast());
  }

  @Test
  void aFolderWithoutPermissionToExecuteIsPassedOver() throws Exception {
    Path noexec = Files.createDirectory(folder.resolve("noexec"));
    String mount = "mount -t tmpfs -o noexec none " + noexec;
    List<String> inside = List.of("unshare", "-m", "sh", "-c", mount + " && exec \"$@\"", "sh");
    List<String> trial = new ArrayList<>(inside);
    trial.add("true");
    Assumptions.assumeTrue(
        Files.exists(Path.of("/usr/bin/unshare"))
            && new ProcessBuilder(trial).start().waitFor() == 0,
        "this user cannot mount a file system");
    String alone = search(inside, "", noexec.toString());
    assertTrue(alone.contains("(mounted noexec?)"), alone);
    assertTrue(alone.contains("to have it, set -Dcatena.cache to"), alone);
    Path tmp = Files.createDirectory(folder.resolve("tmp"));
    String said =
        search(inside, "-Duser.home=" + noexec + " -Djava.io.tmpdir=" + tmp)
            .lines()
            .findFirst()
            .get();
    assertTrue(said.startsWith(tmp + "/catena-"), said);
  }

  @Test
  void aUserWithoutAHomeHasAFolderBelowTheTemporaryOne() throws Exception {
    String said = search(List.of(), "-Duser.home=? -Djava.io.tmpdir=" + folder);
    assertTrue(said.startsWith(folder + "/catena-"), said);
  }

  @Test
  void deniedNativeAccessIsAnsweredWithTheFlag() throws Exception {
    String said = search(List.of(), "--illegal-native-access=deny", folder.toString());
    assertTrue(said.contains("Java may not call native code"), said);
    assertTrue(
        said.endsWith("to have it, start Java with --enable-native-access=ALL-UNNAMED"), said);
  }

  private static String search(List<String> prefix, String options, String... caches)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    if (!options.contains("deny")) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(Stream.of(options.split(" ")).filter(option -> !option.isEmpty()).toList());
    command.addAll(List.of("-cp", jar + ":target/test-classes", Search.class.getName()));
    command.addAll(List.of(caches));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("XDG_CACHE_HOME");
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said.strip();
  }
}
