package dev.catena.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.catena.io.file.AtomicFile;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The tuner's choices in a file, one JSON object: problem to engine and its time. A file belongs to
 * one device, one set of library versions and one build of the kernels: all of that is in its name.
 * Thread-safe; two processes may write at once, the later wins. An unreadable file counts as empty:
 * everything in it can be measured again.
 */
public final class TuningCache {
  private static final System.Logger LOG = System.getLogger(TuningCache.class.getName());

  /**
   * Who was the fastest.
   *
   * @param engine its name
   * @param micros its median time in microseconds
   * @param spread of its times, as {@link Timing#spread}
   */
  record Choice(String engine, double micros, double spread) {}

  private final Path file;
  private final Map<String, Choice> choices = new TreeMap<>();

  private boolean changed;

  private TuningCache(Path file) {
    this.file = file;
  }

  /**
   * The cache under {@code folder} for all that decides a choice.
   *
   * @param environment device, library versions, hash of the kernels
   */
  public static TuningCache open(Path folder, String environment) {
    String name = environment.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9.]+", "-");
    TuningCache cache = new TuningCache(folder.resolve("tuning-" + name + ".json"));
    cache.read();
    return cache;
  }

  /** The file that it is kept in. */
  public Path file() {
    return file;
  }

  /** The answer to {@code question}, mostly what was the fastest for a problem, if it is known. */
  synchronized Optional<Choice> choice(String question) {
    return Optional.ofNullable(choices.get(question));
  }

  /** Remembers a choice, here and in the file. */
  synchronized void remember(String question, Choice choice) {
    choices.put(question, choice);
    changed = true;
  }

  /** Writes what was remembered; a folder that cannot be written costs the memory, not the run. */
  synchronized void save() {
    if (!changed) {
      return;
    }
    changed = false;
    try {
      Files.createDirectories(file.getParent());
      AtomicFile.write(file, this::write);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "tuning choices are not kept: " + e);
    }
  }

  /** Writes JSON to a file that stays open. */
  private static JsonGenerator generator(FileChannel to) throws IOException {
    return new JsonFactory()
        .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
        .createGenerator(Channels.newOutputStream(to))
        .useDefaultPrettyPrinter();
  }

  private void write(FileChannel to) throws IOException {
    try (JsonGenerator json = generator(to)) {
      json.writeStartObject();
      for (Map.Entry<String, Choice> choice : choices.entrySet()) {
        json.writeObjectFieldStart(choice.getKey());
        json.writeStringField("engine", choice.getValue().engine());
        json.writeNumberField("micros", choice.getValue().micros());
        json.writeNumberField("spread", choice.getValue().spread());
        json.writeEndObject();
      }
      json.writeEndObject();
    }
  }

  private void read() {
    if (!Files.exists(file)) {
      return;
    }
    try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String problem = json.currentName();
        json.nextToken();
        choices.put(problem, readChoice(json));
      }
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING, file + " is not read, everything is measured again: " + e);
      choices.clear();
    }
  }

  private static Choice readChoice(JsonParser json) throws IOException {
    String engine = null;
    double micros = Double.NaN;
    double spread = Double.NaN;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      JsonToken value = json.nextToken();
      if (field.equals("engine") && value == JsonToken.VALUE_STRING) {
        engine = json.getText();
      } else if (field.equals("micros") && value.isNumeric()) {
        micros = json.getDoubleValue();
      } else if (field.equals("spread") && value.isNumeric()) {
        spread = json.getDoubleValue();
      }
    }
    if (engine == null
        || Double.isNaN(micros + spread)
        || json.currentToken() != JsonToken.END_OBJECT) {
      throw new IOException("not a choice before " + json.currentLocation());
    }
    return new Choice(engine, micros, spread);
  }
}
