import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * Compiles the benchmarks and packs them with all that they need into {@code
 * bench/target/benchmarks.jar}; the profile {@code bench} runs it, after it has unpacked the
 * libraries. A program, so that compiler and jar tool are those of the JDK that the build chose.
 */
final class Pack {
  private static final Path WORK = Path.of("target", "bench");
  private static final Path LIBRARIES = WORK.resolve("libraries");
  private static final Path CLASSES = WORK.resolve("classes");
  private static final Path GENERATED = WORK.resolve("generated");

  private Pack() {}

  /** Argument: the library's own class files. */
  public static void main(String[] args) throws IOException {
    for (Path folder : List.of(CLASSES, GENERATED)) {
      Files.createDirectories(folder);
      files(folder, Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
      Files.createDirectories(folder);
    }
    List<String> javac = new ArrayList<>(List.of("--release", "25"));
    // Of generated code lint is not asked, hence none but these.
    javac.addAll(List.of("-Xlint:deprecation,removal,unchecked,rawtypes,cast,static", "-Werror"));
    javac.addAll(List.of("-cp", LIBRARIES + ":" + args[0], "-processorpath", "" + LIBRARIES));
    javac.addAll(List.of("-d", CLASSES.toString(), "-s", GENERATED.toString()));
    files(Path.of("bench", "src", "main", "java"), Comparator.naturalOrder()).stream()
        .map(Path::toString)
        .filter(file -> file.endsWith(".java"))
        .forEach(javac::add);
    run("javac", javac);

    Path jar = Files.createDirectories(Path.of("bench", "target")).resolve("benchmarks.jar");
    List<String> packing = new ArrayList<>(List.of("--create", "--file", jar.toString()));
    packing.addAll(List.of("--main-class", "dev.catena.bench.Main"));
    for (Path root : List.of(CLASSES, LIBRARIES, Path.of(args[0]))) {
      packing.addAll(content(root));
    }
    run("jar", packing);
  }

  /** Everything in {@code root} but the module's name: the jar is for the class path. */
  private static List<String> content(Path root) throws IOException {
    List<String> arguments = new ArrayList<>();
    try (Stream<Path> entries = Files.list(root)) {
      for (Path entry : entries.sorted().toList()) {
        String name = entry.getFileName().toString();
        if (!name.equals("module-info.class")) {
          arguments.addAll(List.of("-C", root.toString(), name));
        }
      }
    }
    return arguments;
  }

  private static List<Path> files(Path root, Comparator<Path> order) {
    try (Stream<Path> tree = Files.walk(root)) {
      return tree.sorted(order).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void run(String tool, List<String> arguments) {
    int status =
        ToolProvider.findFirst(tool)
            .orElseThrow()
            .run(System.out, System.err, arguments.toArray(String[]::new));
    if (status != 0) {
      System.exit(status);
    }
  }
}
