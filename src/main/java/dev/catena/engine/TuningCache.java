package dev.catena.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The tuner's choices in a file, one JSON object: problem to engine. A file belongs to one device,
 * one set of library versions and one build of the kernels: all of that is in its name.
 * Thread-safe; two processes may write at once, the later wins. An unreadable file counts as empty:
 * everything in it can be measured again.
 */
public final class TuningCache {
  private static final System.Logger LOG = System.getLogger(TuningCache.class.getName());

  private final Path file;
  private final Map<String, String> choices = new TreeMap<>();

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

  /** Where it is kept. */
  public Path file() {
    return file;
  }

  /** The engine that was the fastest for {@code problem}, if it was measured. */
  public synchronized Optional<String> choice(Problem problem) {
    return Optional.ofNullable(choices.get(problem.toString()));
  }

  /** Remembers a choice, here and in the file. */
  synchronized void remember(Problem problem, String engine, Map<String, Double> micros) {
    LOG.log(System.Logger.Level.DEBUG, () -> problem + ": " + engine + " of " + micros + " µs");
    choices.put(problem.toString(), engine);
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
      Path next = Files.createTempFile(file.getParent(), "tuning-", ".tmp");
      try {
        write(next);
        move(next);
      } finally {
        Files.deleteIfExists(next);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "tuning choices are not kept: " + e);
    }
  }

  private void write(Path target) throws IOException {
    try (OutputStream out = Files.newOutputStream(target);
        JsonGenerator json = new JsonFactory().createGenerator(out).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      for (Map.Entry<String, String> choice : choices.entrySet()) {
        json.writeStringField(choice.getKey(), choice.getValue());
      }
      json.writeEndObject();
    }
  }

  private void move(Path next) throws IOException {
    try {
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(next, file, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private void read() {
    if (!Files.exists(file)) {
      return;
    }
    try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        choices.put(json.currentName(), json.nextTextValue());
      }
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING, file + " is not read, everything is measured again: " + e);
      choices.clear();
    }
  }
}
