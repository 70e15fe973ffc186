package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What PyTorch says of the networks with {@link GoldenWeights}: the content of a file, which names
 * the command that made it.
 *
 * @param tensors checks of the generator itself
 * @param cases logits
 */
record GoldenLogits(List<Tensor> tensors, List<Case> cases) {
  private static final String DENSENETS = "densenet-logits.json";

  /**
   * A generated tensor.
   *
   * @param name of the tensor, or {@code input.n} for image n
   * @param shape of it, (3, height, width) for an image
   * @param first element
   * @param last element
   * @param sumOfBits its elements' bits, each taken as an unsigned integer, added up
   */
  record Tensor(String name, Shape shape, float first, float last, long sumOfBits) {
    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * A batch through a network.
   *
   * @param model its name
   * @param batch images
   * @param height of them
   * @param width of them
   * @param logits fp64 evaluation, a row an image
   */
  record Case(String model, int batch, int height, int width, List<List<Double>> logits) {
    /** The largest magnitude of a logit. */
    double largest() {
      return logits.stream().flatMap(List::stream).mapToDouble(Math::abs).max().orElseThrow();
    }

    @Override
    public String toString() {
      return "%s, %d x %d x %d".formatted(model, batch, height, width);
    }
  }

  static GoldenLogits read() {
    return read(DENSENETS);
  }

  static GoldenLogits read(String file) {
    try (InputStream in = GoldenLogits.class.getResourceAsStream("/golden/" + file);
        JsonParser parser = new JsonFactory().createParser(in)) {
      parser.nextToken();
      Map<?, ?> json = (Map<?, ?>) value(parser);
      assertEquals("catena-golden-logits", json.get("magic"), file);
      assertEquals(1L, json.get("version"), file);
      return new GoldenLogits(
          list(json, "tensors").stream().map(t -> tensor((Map<?, ?>) t)).toList(),
          list(json, "cases").stream().map(c -> logits((Map<?, ?>) c)).toList());
    } catch (IOException e) {
      throw new UncheckedIOException(file, e);
    }
  }

  private static Tensor tensor(Map<?, ?> json) {
    List<Integer> dims = list(json, "shape").stream().map(d -> Math.toIntExact((long) d)).toList();
    return new Tensor(
        (String) json.get("name"),
        new Shape(dims),
        ((Double) json.get("first")).floatValue(),
        ((Double) json.get("last")).floatValue(),
        (long) json.get("sum_of_bits"));
  }

  private static Case logits(Map<?, ?> json) {
    List<List<Double>> rows =
        list(json, "logits").stream()
            .map(row -> ((List<?>) row).stream().map(v -> ((Number) v).doubleValue()).toList())
            .toList();
    return new Case(
        (String) json.get("model"),
        Math.toIntExact((long) json.get("batch")),
        Math.toIntExact((long) json.get("height")),
        Math.toIntExact((long) json.get("width")),
        rows);
  }

  private static List<?> list(Map<?, ?> json, String key) {
    return (List<?>) json.get(key);
  }

  /** The value that begins at the parser's token: Map, List, String, Long or Double. */
  private static Object value(JsonParser parser) throws IOException {
    switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, Object> object = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          parser.nextToken();
          object.put(key, value(parser));
        }
        return object;
      }
      case START_ARRAY -> {
        List<Object> array = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          array.add(value(parser));
        }
        return array;
      }
      case VALUE_STRING -> {
        return parser.getText();
      }
      case VALUE_NUMBER_INT -> {
        return parser.getLongValue();
      }
      case VALUE_NUMBER_FLOAT -> {
        return parser.getDoubleValue();
      }
      default -> throw new IOException("unexpected " + parser.currentToken());
    }
  }
}
