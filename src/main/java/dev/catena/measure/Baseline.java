package dev.catena.measure;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.catena.engine.Timing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Times of an earlier run, read from its JSON: of every object in it, however deep, that has a
 * {@code key}, a {@code median_us} and a {@code spread_us}. Immutable.
 */
public final class Baseline {
  private final Map<String, Timing> times = new HashMap<>();

  private Baseline() {}

  /**
   * Reads a file.
   *
   * @throws IOException if it is not there or no JSON; the message names it
   */
  public static Baseline read(Path file) throws IOException {
    Baseline baseline = new Baseline();
    try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
      if (json.nextToken() != null) {
        baseline.value(json);
      }
    } catch (JsonProcessingException e) {
      throw new IOException(file + " is no result of a benchmark: " + e.getMessage(), e);
    }
    return baseline;
  }

  /** The number of times that it has. */
  public int size() {
    return times.size();
  }

  /** The earlier time under {@code key}. */
  public Optional<Timing> time(String key) {
    return Optional.ofNullable(times.get(key));
  }

  private void value(JsonParser json) throws IOException {
    switch (json.currentToken()) {
      case START_OBJECT -> object(json);
      case START_ARRAY -> {
        while (json.nextToken() != JsonToken.END_ARRAY) {
          value(json);
        }
      }
      default -> {}
    }
  }

  private void object(JsonParser json) throws IOException {
    String key = null;
    double median = Double.NaN;
    double spread = Double.NaN;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      JsonToken token = json.nextToken();
      if (field.equals("key") && token == JsonToken.VALUE_STRING) {
        key = json.getText();
      } else if (field.equals("median_us") && token.isNumeric()) {
        median = json.getDoubleValue();
      } else if (field.equals("spread_us") && token.isNumeric()) {
        spread = json.getDoubleValue();
      } else {
        value(json);
      }
    }
    if (key != null && median >= 0 && spread >= 0) {
      times.put(key, new Timing(median, median, spread, 1));
    }
  }
}
