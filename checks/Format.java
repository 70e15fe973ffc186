import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions.Style;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Formats the Java files under the given folders, or checks that they are formatted.
 *
 * <p>{@code mvn verify} checks, {@code mvn -q -Pformat validate} formats. Both run this with the
 * JDK that compiles, whatever JVM Maven itself runs on: the formatter parses with the compiler of
 * the JDK it runs on.
 */
final class Format {
  private static final Formatter FORMATTER = new Formatter();

  private Format() {}

  /** Arguments: {@code check} or {@code fix}, then folders; those that do not exist are skipped. */
  public static void main(String[] args) throws IOException, FormatterException {
    boolean fix = args[0].equals("fix");
    List<Path> changed = new ArrayList<>();
    for (Path file : javaFiles(List.of(args).subList(1, args.length))) {
      String before = Files.readString(file);
      String after = format(file, before);
      if (!after.equals(before)) {
        changed.add(file);
        if (fix) {
          Files.writeString(file, after);
        }
      }
    }
    changed.forEach(file -> System.err.println((fix ? "formatted " : "not formatted: ") + file));
    if (!fix && !changed.isEmpty()) {
      System.err.println("To format: mvn -q -Pformat validate");
      System.exit(1);
    }
  }

  private static String format(Path file, String source) throws FormatterException {
    try {
      String tidy =
          ImportOrderer.reorderImports(
              RemoveUnusedImports.removeUnusedImports(source), Style.GOOGLE);
      return FORMATTER.formatSource(tidy);
    } catch (FormatterException e) {
      System.err.println(file + " cannot be parsed");
      throw e;
    }
  }

  private static List<Path> javaFiles(List<String> folders) throws IOException {
    List<Path> files = new ArrayList<>();
    for (String folder : folders) {
      if (Files.isDirectory(Path.of(folder))) {
        try (Stream<Path> tree = Files.walk(Path.of(folder))) {
          tree.filter(p -> p.toString().endsWith(".java")).sorted().forEach(files::add);
        }
      }
    }
    return files;
  }
}
