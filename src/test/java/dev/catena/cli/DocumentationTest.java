package dev.catena.cli;

import static java.awt.image.BufferedImage.TYPE_INT_RGB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.device.ChildJvm;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The statements of README.md and docs/: commands run, examples compile, links and classes exist.
 */
@Timeout(300)
@Tag("slow")
class DocumentationTest {
  private static final Pattern FENCED = Pattern.compile("(?s)```.*?```");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^):#]+)\\)");
  private static final Pattern DECLARED =
      Pattern.compile("(?:class|record|interface|enum) ([A-Z]\\w+)");
  private static final Pattern NAMED =
      Pattern.compile("`(?:[a-z]+\\.)*([A-Z][a-z]\\w+)(?:\\.(\\w+)(?:\\([^`]*\\))?)?`");
  private static final Pattern FILE = Pattern.compile("[\\w-]+\\.(html|svg|json)");

  @TempDir private static Path folder;

  /** With weights, a photograph and images of CIFAR-10's form, for one epoch instead of 300. */
  @Test
  void theExampleOfTheReadmeRuns() throws Exception {
    String readme = Files.readString(Path.of("README.md"));
    int start = readme.indexOf("```java\n") + "```java\n".length();
    String example = readme.substring(start, readme.indexOf("```", start));
    Path place = Files.createDirectories(folder.resolve("readme"));
    String source =
        """
        import module dev.catena;
        import java.nio.file.Path;
        import static dev.catena.graph.DType.FP16;

        class Readme {
          public static void main(String[] args) throws Exception {
            float[] pixels = new float[8 * 3 * 224 * 224];
            %s
          }
        }
        """
            .formatted(example.replace("epochs(300)", "epochs(1)"));
    Files.writeString(place.resolve("Readme.java"), source);
    Samples.weights("densenet121", place.resolve("w.safetensors"));
    ImageIO.write(
        new BufferedImage(300, 260, TYPE_INT_RGB), "jpeg", place.resolve("photo.jpg").toFile());
    Samples.cifar10(Files.createDirectories(place.resolve("cifar")), 13);
    ChildJvm.Result result =
        new ChildJvm().asModule(JsonFactory.class).in(place).run(place.resolve("Readme.java"));
    assertEquals(0, result.status(), result.said());
    long classes = Pattern.compile("\\d %  class \\d+\n").matcher(result.said()).results().count();
    assertEquals(5, classes, result.said());
    try (Model trained = Models.get("densenet-bc-100-12").load(place.resolve("m.safetensors"))) {
      assertEquals("densenet-bc-100-12", trained.name());
    }
  }

  @Test
  void aNetworkOfOnesOwnLearnsAndRuns() throws Exception {
    Path source = Path.of("docs/example/src/main/java/example/OwnNetwork.java");
    // Away from the example's module, whose path this has not.
    Path copy = Files.createDirectories(folder.resolve("example")).resolve("OwnNetwork.java");
    Files.copy(source, copy);
    ChildJvm.Result result = new ChildJvm().asModule(JsonFactory.class).run(copy);
    assertEquals(0, result.status(), result.said());
    Matcher right = Pattern.compile("(\\d+) of 32 right\n").matcher(result.said());
    assertTrue(right.matches() && Integer.parseInt(right.group(1)) > 28, result.said());
  }

  static Stream<Path> pages() throws IOException {
    try (Stream<Path> docs = Files.list(Path.of("docs"))) {
      List<Path> found = docs.filter(file -> file.toString().endsWith(".md")).sorted().toList();
      return Stream.concat(Stream.of(Path.of("README.md")), found.stream());
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void linksLeadSomewhere(Path page) throws IOException {
    Matcher link = LINK.matcher(Files.readString(page));
    while (link.find()) {
      Path target = page.toAbsolutePath().resolveSibling(link.group(1));
      assertTrue(Files.exists(target), page + " leads to " + link.group(1));
    }
  }

  /** Class names between backticks, with or without a member, have to be in the sources. */
  @ParameterizedTest
  @ValueSource(strings = {"docs/architecture.md", "docs/adding-a-kernel.md"})
  void classesThatAreNamedExist(Path page) throws IOException {
    Map<String, String> sources = new HashMap<>();
    try (Stream<Path> files = Files.walk(Path.of("src"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        String source = Files.readString(file);
        DECLARED
            .matcher(source)
            .results()
            .forEach(d -> sources.merge(d.group(1), source, String::concat));
      }
    }
    for (MatchResult name : NAMED.matcher(Files.readString(page)).results().toList()) {
      String source = sources.getOrDefault(name.group(1), "");
      assertTrue(
          name.group(2) == null
              ? !source.isEmpty()
              : Pattern.compile("\\b" + name.group(2) + "\\b").matcher(source).find(),
          page + " names " + name.group());
    }
  }

  static Stream<String> commands() throws IOException {
    try (Stream<Path> pages = pages()) {
      List<String> lines = pages.skip(1).flatMap(DocumentationTest::indented).distinct().toList();
      assertFalse(lines.isEmpty());
      return lines.stream();
    }
  }

  /** The indented lines of a page, but for those in fences. */
  private static Stream<String> indented(Path page) {
    try {
      return FENCED
          .matcher(Files.readString(page))
          .replaceAll("")
          .lines()
          .filter(line -> line.startsWith("    "))
          .map(String::strip);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs those of the command line, their files in a folder of their own. */
  @ParameterizedTest
  @MethodSource("commands")
  void commandsWork(String line) {
    List<String> words = List.of(line.split(" +"));
    if (words.getFirst().equals("./catena")) {
      String[] arguments =
          words.stream()
              .skip(1)
              .map(w -> FILE.matcher(w).matches() ? folder.resolve(w).toString() : w)
              .toArray(String[]::new);
      Cli.Result result = Cli.run(arguments);
      assertEquals(0, result.code(), result.err());
    } else if (words.getFirst().contains("/")) {
      assertTrue(Files.isExecutable(Path.of(words.getFirst())), "there is no program " + line);
    } else {
      assertTrue(line.matches("(make|mvn|java|CATENA_MAIN=\\S+ \\./catena) .*"), line);
    }
  }
}
