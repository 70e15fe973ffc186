package dev.catena.bench;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.jcublas.JCublas2;
import jcuda.jcudnn.JCudnn;

/**
 * Runs JMH on the benchmarks whose native libraries there are. Of the others it says what is
 * missing: last on standard output, and in a JSON file beside the results.
 */
final class Available {
  private static final Pattern REASON = Pattern.compile("\\S+: cannot open shared object file");

  private Available() {}

  /** Arguments of JMH, {@code -rff} among them. */
  public static void main(String[] args) throws IOException {
    Map<String, String> missing = missing();
    List<String> arguments = new ArrayList<>(Arrays.asList(args));
    missing.keySet().forEach(name -> arguments.addAll(List.of("-e", Pattern.quote(name) + "$")));
    org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
    Path results = Path.of(arguments.get(arguments.lastIndexOf("-rff") + 1));
    write(missing, results.resolveSibling("unavailable.json"));
    missing.forEach((name, why) -> System.out.println("unavailable: " + name + ": " + why));
  }

  private static Map<String, String> missing() {
    Map<String, String> missing = new LinkedHashMap<>();
    reason(JCublas2::initialize)
        .ifPresent(why -> missing.put("dev.catena.bench.MatrixProduct.byJCublas", why));
    reason(JCudnn::initialize)
        .ifPresent(why -> missing.put("dev.catena.bench.Convolution.byJCudnn", why));
    return missing;
  }

  /** Why a library of JCuda's cannot be loaded, of which its own message is a page long. */
  private static Optional<String> reason(Runnable load) {
    try {
      load.run();
      return Optional.empty();
    } catch (UnsatisfiedLinkError | ExceptionInInitializerError e) {
      String message = String.valueOf(e.getMessage());
      Matcher reason = REASON.matcher(message);
      return Optional.of(reason.find() ? reason.group() : message);
    }
  }

  private static void write(Map<String, String> missing, Path file) throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(file.toFile(), JsonEncoding.UTF8)) {
      json.useDefaultPrettyPrinter().writeStartArray();
      for (Map.Entry<String, String> entry : missing.entrySet()) {
        json.writeStartObject();
        json.writeStringField("benchmark", entry.getKey());
        json.writeStringField("unavailable", entry.getValue());
        json.writeEndObject();
      }
      json.writeEndArray();
    }
  }
}
