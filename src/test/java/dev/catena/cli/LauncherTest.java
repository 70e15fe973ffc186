package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The script {@code catena}, laid out as in the archive, with a Java that says how it was started.
 */
class LauncherTest {
  @TempDir Path folder;

  @BeforeEach
  void layOut() throws IOException {
    Files.copy(Path.of("catena"), Files.createDirectory(folder.resolve("bin")).resolve("catena"));
    Path java = Files.createDirectories(folder.resolve("runtime/bin")).resolve("java");
    Files.writeString(java, "#!/bin/sh\necho \"$LC_ALL\"\nprintf '%s\\n' \"$@\"\n");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Java takes the encoding of file names from the locale. */
  @ParameterizedTest
  @CsvSource({"C, C.UTF-8", "POSIX, C.UTF-8", "'', C.UTF-8", "de_DE.utf8, de_DE.utf8"})
  void fileNamesAreUtf8(String locale, String expected) throws Exception {
    String said = run(locale.isEmpty() ? Map.of() : Map.of("LC_ALL", locale), "models");
    assertEquals(expected, said.lines().findFirst().orElseThrow());
  }

  @Test
  void passesOnItsArgumentsAsTheyAre() throws Exception {
    String said = run(Map.of("CATENA_JAVA_OPTIONS", "-Xmx1g -Da=b"), "run", "a b", "c.jpg");
    assertTrue(said.endsWith("dev.catena/dev.catena.cli.Main\nrun\na b\nc.jpg\n"), said);
    assertTrue(said.contains("-Xmx1g\n-Da=b\n"), said);
  }

  /** In a source tree, whose Maven says how it was called. */
  @ParameterizedTest
  @CsvSource({
    "'', models, host",
    "unused, compare --device host, host",
    "unused, compare --device cuda:0, all",
    "13.0, models, all",
    "absent, models, all"
  })
  void buildsTheKernelsOfThisCpuUnlessMoreIsWanted(String nvcc, String arguments, String expected)
      throws Exception {
    assumeFalse(Files.exists(Path.of("/dev/nvidiactl")) || Files.exists(Path.of("/dev/dxg")));
    Files.move(folder.resolve("runtime"), folder.resolve("jdk"));
    Files.writeString(folder.resolve("jdk/release"), "JAVA_VERSION=\"25\"\n");
    Files.copy(Path.of("catena"), folder.resolve("catena"));
    Files.delete(folder.resolve("bin/catena"));
    Path maven = folder.resolve("bin/mvn");
    Files.writeString(maven, "#!/bin/sh\necho \"$@\"\ntouch target/catena.jar\n");
    Files.setPosixFilePermissions(maven, PosixFilePermissions.fromString("rwxr-xr-x"));
    if (!nvcc.isEmpty()) {
      Path kernels = folder.resolve("target/classes/dev/catena/kernels");
      Files.writeString(
          Files.createDirectories(kernels).resolve("kernels.properties"), "nvcc=" + nvcc + "\n");
    }
    Map<String, String> environment =
        Map.of(
            "CATENA_JAVA_HOME",
            folder.resolve("jdk").toString(),
            "PATH",
            folder.resolve("bin") + ":" + System.getenv("PATH"));
    String said = start(folder.resolve("catena"), environment, arguments.split(" "));
    assertTrue(said.contains("-q -B -DskipTests -Dnative=" + expected + " package\n"), said);
    assertTrue(said.endsWith(String.join("\n", arguments.split(" ")) + "\n"), said);
  }

  private String run(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    return start(folder.resolve("bin/catena"), environment, arguments);
  }

  private static String start(Path script, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(script.toString());
    builder.command().addAll(List.of(arguments));
    builder.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG"));
    builder.environment().putAll(environment);
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said;
  }
}
