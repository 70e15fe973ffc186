package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.conformance.Suite;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * bench/gpu/check.sh in an archive of its own, whose launcher is a stand-in: most tests are about
 * what the script makes of its commands' ends.
 */
class CheckScriptTest {
  private static final Path SCRIPT = Path.of("bench/gpu/check.sh");

  @TempDir private Path archive;
  private Path out;

  @BeforeEach
  void unpack() throws IOException {
    for (Path file : List.of(SCRIPT, Path.of("bench/results.py"))) {
      Path copy = archive.resolve(file);
      Files.createDirectories(copy.getParent());
      Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
    }
    out = archive.resolve("out");
  }

  /** Exit code, and what was said. */
  private record Result(int code, String said) {}

  private Result check(Map<String, String> environment, String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(List.of(archive.resolve(SCRIPT).toString(), "--out", out.toString()));
    command.addAll(List.of("--device", "host", "--model", "tiny", "--batch", "1"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("CATENA_ORACLE", "/nowhere");
    builder.environment().putAll(environment);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    return new Result(process.exitValue(), said);
  }

  private Path script(String name, String text) throws IOException {
    Path file = archive.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + text);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  /** A launcher that notes its arguments and main class, then does {@code text}. */
  private void launcher(String text) throws IOException {
    script("bin/catena", "echo \"${CATENA_MAIN:-cli} $*\" >>" + calls() + "\n" + text);
  }

  private Path calls() {
    return archive.resolve("calls.txt");
  }

  private List<String> callsOf(String words) throws IOException {
    return Files.readAllLines(calls()).stream().filter(line -> line.contains(words)).toList();
  }

  @Test
  void runsTheRealCommandsAndSummarises() throws Exception {
    String classPath =
        Stream.of(Main.class, CommandLine.class, ProgressBar.class, JsonFactory.class)
            .map(CheckScriptTest::location)
            .collect(Collectors.joining(File.pathSeparator));
    String java = System.getProperty("java.home") + "/bin/java --enable-native-access=ALL-UNNAMED";
    String main = " -cp " + classPath + ":target/classes:src/main/resources ";
    // The same options, but few problems.
    launcher(
        "export CATENA_CUDA=/nowhere\n"
            + "case ${CATENA_MAIN:-} in\n?*) set -- \"$@\" --problem 'relu 1x2x3x8 dtype=f32' ;;\nesac\n"
            + ("exec " + java + main + "${CATENA_MAIN:-dev.catena.cli.Main} \"$@\"\n"));
    Result result = check(Map.of(), "--only", "info,small,summary");
    assertEquals(0, result.code, result.said);
    assertTrue(Files.readString(out.resolve("info.json")).contains("\"devices\""), result.said);
    List<?> outcomes =
        (List<?>) JsonTree.parse(Files.readString(out.resolve("conformance-small.json")));
    assertEquals("passed", ((Map<?, ?>) outcomes.getFirst()).get("verdict"));
    String summary = Files.readString(out.resolve("summary.md"));
    assertTrue(summary.contains("| kernel | " + outcomes.size() + " | 0 |"), summary);
  }

  @Test
  void goesOnAfterFailuresAndNamesThem() throws Exception {
    launcher(
        """
        case "$CATENA_MAIN $*" in
        *compare*bf16*) exit 1 ;;
        *"--engine tiles"*) kill -9 $$ ;;
        *"--engine onednn"*) echo 'Nothing ran: onednn was not found' && exit 1 ;;
        esac
        """);
    Result result = check(Map.of());
    assertEquals(1, result.code, result.said);
    assertTrue(
        result.said.contains("failed: conformance-tiles,compare-bf16; no time for: nothing"),
        result.said);
    assertTrue(result.said.contains("skipped: Nothing ran: onednn was not found"), result.said);
    assertTrue(result.said.contains("peers: skipped"), result.said);
    assertEquals(1, callsOf("bench models").size());
    assertTrue(Files.readString(out.resolve("log.txt")).contains("-- conformance-tiles: "));
    assertEquals(4, callsOf("compare").size());

    launcher("exit 0\n");
    Result again = check(Map.of());
    assertEquals(0, again.code, again.said);
    assertEquals(5, callsOf("compare").size(), "only what failed is repeated");
    assertEquals(2, callsOf("--engine tiles").size());
    assertEquals(1, callsOf("bench models").size());
  }

  @Test
  void runsTheSuiteUnderTheSanitizer() throws Exception {
    launcher("exit 0\n");
    Path sanitizer =
        script(
            "sanitizer",
            """
            echo "$*" >>%s.sanitizer
            while [ "${1#*/bin/catena}" = "$1" ]; do shift; done
            [ "$2 $3" = "--device host" ] && exec "$@"
            """
                .formatted(calls()));
    Result result =
        check(Map.of("CATENA_SANITIZER", sanitizer.toString()), "--only", "sanitizer,summary");
    assertEquals(0, result.code, result.said);
    assertEquals(3, callsOf("dev.catena.conformance.Main --device host").size());
    String options = Files.readString(Path.of(calls() + ".sanitizer"));
    assertTrue(options.contains("--tool racecheck --report-api-errors no"), options);
  }

  @Test
  void skipsASanitizerThatRefusesTheDevice() throws Exception {
    launcher("exit 0\n");
    Path sanitizer =
        script("sanitizer", "echo '========= Error: Device not supported' && exit 1\n");
    Result result =
        check(Map.of("CATENA_SANITIZER", sanitizer.toString()), "--only", "sanitizer,models");
    assertEquals(0, result.code, result.said);
    assertTrue(result.said.contains("memcheck: skipped: ========= Error"), result.said);
    assertEquals(1, callsOf("bench models").size());
  }

  @Test
  void saysForWhatThereWasNoTime() throws Exception {
    launcher("exit 0\n");
    Result result = check(Map.of(), "--minutes", "0", "--only", "info,compare");
    assertEquals(3, result.code, result.said);
    assertTrue(
        result.said.contains("failed: nothing; no time for: info,compare-fp32"), result.said);
    assertFalse(Files.exists(calls()));
    assertEquals(2, check(Map.of(), "--only", "everything").code);
  }

  @Test
  void itsGroupsHaveEveryOperation() throws IOException {
    List<String> prefixes =
        Files.readAllLines(SCRIPT).stream()
            .filter(line -> line.matches("(small|products)=.*"))
            .flatMap(line -> Stream.of(line.substring(line.indexOf('=') + 1).split(",")))
            .filter(prefix -> !prefix.equals("$small"))
            .toList();
    List<String> missed =
        Suite.all().lines().stream()
            .filter(line -> prefixes.stream().noneMatch(line::startsWith))
            .toList();
    assertEquals(List.of(), missed);
  }

  private static String location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
