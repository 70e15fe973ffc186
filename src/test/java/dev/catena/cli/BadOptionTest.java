package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Wrong words and numbers: one sentence, exit code 2. */
class BadOptionTest {
  private static final List<String> BAD_NUMBERS =
      List.of(
          "NaN", "Infinity", "-Infinity", "-1", "1e400", "99999999999999999999999e99", "", "1x");

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          plan densenet-121                   | no model densenet-121; the nearest are densenet121, densenet
          plan                                | Missing required parameter: 'MODEL'
          plan M --bacth 3                    | Unknown options: '--bacth', '3'
          plan M --batch 0                    | '--batch': '0' is not a whole number from 1 to 2147483647
          plan M --batch -8                   | '--batch': '-8' is not a whole number
          plan M --batch 99999999999          | '--batch': '99999999999' is not a whole number
          plan M --batch many                 | '--batch': 'many' is not a whole number
          plan M --dtype fp8                  | '--dtype': there is no 'fp8', only fp32, fp16, bf16
          compare M --variants fused,sideways | there is no 'sideways', only unfused, in-place, fused
          compare M --rounds 0                | '--rounds': '0' is not a whole number
          compare M --device gpu              | --device gpu: a device is named "host", "cuda:N" or "ptx:N", not "gpu"
          compare M --device host --engine x  | --engine x: host has no such engine, only tiled-amx, tiled
          compare M --device ptx:90 --threads 2 | --threads is for the host, not for ptx:90
          compare M --device host --threads 99999 | --threads: the host cannot run kernels on 99999
          run M photo.jpg                     | has no weights of its own; give --weights
          run M --weights w                   | give either pictures or --input, for example
          run M a.png --weights w --input x   | give either pictures or --input, for example
          run M a.png --weights w --top 0     | '--top': '0' is not a whole number
          run M --weights w --input x --output - | --output needs an ordinary file
          """)
  void saysWhatIsWrong(String line, String sentence) {
    String complaint = Cli.run(line.replace("M", Cli.MODEL).split(" +")).complaint();
    assertTrue(complaint.contains(sentence), complaint);
  }

  /** Every option with a number, of every command, before anything is read or computed. */
  @TestFactory
  Stream<DynamicTest> numbersThatAreNoneAreRefused() {
    return commands(Main.commandLine())
        .flatMap(
            command ->
                command.getCommandSpec().options().stream()
                    .filter(option -> isNumber(option.auxiliaryTypes()[0]))
                    .flatMap(option -> BAD_NUMBERS.stream().map(n -> refused(command, option, n))));
  }

  private static Stream<CommandLine> commands(CommandLine command) {
    return Stream.concat(
        Stream.of(command),
        command.getSubcommands().values().stream().flatMap(BadOptionTest::commands));
  }

  private static boolean isNumber(Class<?> type) {
    return Number.class.isAssignableFrom(type) || type.isPrimitive() && type != boolean.class;
  }

  private static DynamicTest refused(CommandLine command, OptionSpec option, String number) {
    String name = option.longestName();
    String[] words = command.getCommandSpec().qualifiedName().split(" ");
    List<String> line = new ArrayList<>(List.of(words).subList(1, words.length));
    // A model that is not there would be the next complaint.
    line.addAll(List.of("no-such-model", name + "=" + number));
    boolean allowed = name.equals("--seed") && number.equals("-1");
    return DynamicTest.dynamicTest(
        String.join(" ", line),
        () -> {
          if (!allowed) {
            String complaint = Cli.run(line.toArray(String[]::new)).complaint();
            assertTrue(complaint.contains("'" + name + "'"), complaint);
            assertTrue(complaint.contains("'" + number + "'"), complaint);
          }
        });
  }

  @Test
  void suggestsTheCommandThatIsMeant() {
    String complaint = Cli.run("compere", Cli.MODEL).complaint();
    assertTrue(complaint.contains("there is compare; see `catena --help`"), complaint);
  }

  @Test
  void listsTheCommandsWithoutOne() {
    Cli.Result result = Cli.run();
    assertEquals(2, result.code());
    assertTrue(result.err().contains("compare"), result.err());
  }

  @ParameterizedTest
  @ValueSource(ints = {100_000_000, Integer.MAX_VALUE})
  void tellsTheBatchThatFits(int batch) {
    String complaint =
        Cli.run("compare", Cli.MODEL, "--device", "host", "--batch", Integer.toString(batch))
            .complaint();
    Matcher sizes =
        Pattern.compile("([0-9,]+) bytes requested, ([0-9,]+) of .* a batch of (\\d+) fits")
            .matcher(complaint);
    assertTrue(sizes.find(), complaint);
    assertTrue(bytes(sizes.group(1)) > bytes(sizes.group(2)), complaint);
    int fits = Integer.parseInt(sizes.group(3));
    assertTrue(fits > 1 && fits < batch, complaint);
  }

  private static long bytes(String text) {
    return Long.parseLong(text.replace(",", ""));
  }

  @Test
  void plansTheLargestBatchThereIs() throws Exception {
    Cli.Result result = Cli.run("plan", "densenet121", "--batch", "2147483647", "--json", "-");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("\"planned_bytes\""), result.out());
  }

  @ParameterizedTest
  @CsvSource({"run,--output", "run,--json", "compare,--json", "compare,--chart", "plan,--chart"})
  void refusesResultsWithoutAPlaceBeforeItWorks(String command, String option) throws Exception {
    // Weights that are not there would be the next complaint.
    String weights = "--weights=" + folder.resolve("absent");
    String[] rest =
        switch (command) {
          case "run" -> new String[] {weights, "picture.png"};
          case "compare" -> new String[] {weights};
          default -> new String[] {};
        };
    Path file = Files.writeString(folder.resolve("file"), "");
    assertPlaceless(command, option, folder, "it is a folder; name a file in it", rest);
    assertPlaceless(command, option, folder.resolve("no/x"), "there is no folder ", rest);
    assertPlaceless(command, option, file.resolve("x"), " is not a folder", rest);
    try (var left = Files.list(folder)) {
      assertEquals(1, left.count());
    }
  }

  private static void assertPlaceless(
      String command, String option, Path place, String why, String... rest) {
    String[] arguments = new String[4 + rest.length];
    System.arraycopy(rest, 0, arguments, 4, rest.length);
    arguments[0] = command;
    arguments[1] = Cli.MODEL;
    arguments[2] = option;
    arguments[3] = place.toString();
    String complaint = Cli.run(arguments).complaint();
    assertTrue(complaint.contains("'" + option + "': " + place + " cannot be written"), complaint);
    assertTrue(complaint.contains(why), complaint);
    assertFalse(Files.isRegularFile(place));
  }
}
