package dev.catena.driver;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Enumerators of C headers that lie beside an installed library, read as text. */
final class Headers {

  private static final Pattern ENUMERATOR =
      Pattern.compile("\\b([A-Z][A-Za-z0-9_]*)\\s+(?:CUDNN_DEPRECATED_ENUM\\s+)?=\\s*(\\d+)\\b");

  private Headers() {}

  /** The numbers of the given headers' enumerators; skips the calling test where none is found. */
  static Map<String, Integer> enumerators(NativeLibrary library, String... names)
      throws IOException {
    NativeLibrary.Search search = NativeLibraries.find(library);
    assumeTrue(search instanceof NativeLibrary.Found, search::explain);
    Path folder = ((NativeLibrary.Found) search).path().toRealPath().getParent();
    List<Path> places =
        Stream.of(
                folder.resolveSibling("include"),
                folder.resolve("../../include").normalize(),
                Path.of("/usr/include"),
                Path.of("/usr/local/cuda/include"))
            .toList();
    Map<String, Integer> numbers = new LinkedHashMap<>();
    for (String name : names) {
      Path header =
          places.stream().map(p -> p.resolve(name)).filter(Files::exists).findFirst().orElse(null);
      assumeTrue(header != null, name + " is in none of " + places);
      Matcher matcher = ENUMERATOR.matcher(Files.readString(header));
      while (matcher.find()) {
        numbers.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
      }
    }
    return numbers;
  }

  /** The constants of a class of ours. */
  static Map<String, Integer> constants(Class<?> type) throws IllegalAccessException {
    Map<String, Integer> constants = new LinkedHashMap<>();
    for (Field field : type.getFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getType() == int.class) {
        constants.put(field.getName(), field.getInt(null));
      }
    }
    return constants;
  }
}
