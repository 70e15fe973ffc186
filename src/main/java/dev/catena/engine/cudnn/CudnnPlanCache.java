package dev.catena.engine.cudnn;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.catena.io.file.AtomicFile;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Plans that were chosen before, each in a file of its own named after a hash of its key; the key
 * is inside and must agree. A file that cannot be read counts as absent, and a folder that cannot
 * be written costs the memory of it, not the run. Thread-safe; processes may share a folder.
 */
final class CudnnPlanCache {

  private static final System.Logger LOG = System.getLogger(CudnnPlanCache.class.getName());

  /**
   * What was chosen for a problem.
   *
   * @param workspace bytes of scratch memory
   * @param plan the stored plan; empty where there is none
   */
  record Choice(long workspace, String plan) {
    static final Choice NONE = new Choice(0, "");

    boolean exists() {
      return !plan.isEmpty();
    }
  }

  private final Optional<Path> folder;
  private final Map<String, Choice> choices = new ConcurrentHashMap<>();

  /** A cache that lasts as long as the process, and longer with a folder. */
  CudnnPlanCache(Optional<Path> folder) {
    this.folder = folder;
  }

  /** The choice for {@code key}: remembered, read, or made by {@code choose} and written. */
  Choice get(String key, Supplier<Choice> choose) {
    return choices.computeIfAbsent(key, k -> read(k).orElseGet(() -> write(k, choose.get())));
  }

  private Optional<Choice> read(String key) {
    Optional<Path> file = folder.map(f -> f.resolve(name(key))).filter(Files::exists);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    try (JsonParser json = new JsonFactory().createParser(Files.newInputStream(file.get()))) {
      Map<String, String> fields = new HashMap<>();
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        fields.put(json.currentName(), json.nextTextValue());
      }
      if (!key.equals(fields.get("key"))) {
        return Optional.empty();
      }
      return Optional.of(
          new Choice(Long.parseLong(fields.get("workspace")), fields.getOrDefault("plan", "")));
    } catch (IOException | NumberFormatException e) {
      LOG.log(System.Logger.Level.WARNING, file.get() + " is not read, it is made again: " + e);
      return Optional.empty();
    }
  }

  private Choice write(String key, Choice choice) {
    if (folder.isEmpty()) {
      return choice;
    }
    try {
      Files.createDirectories(folder.get());
      AtomicFile.write(
          folder.get().resolve(name(key)),
          to -> {
            try (JsonGenerator json =
                new JsonFactory()
                    .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                    .createGenerator(Channels.newOutputStream(to))) {
              json.writeStartObject();
              json.writeStringField("key", key);
              json.writeStringField("workspace", Long.toString(choice.workspace()));
              json.writeStringField("plan", choice.plan());
              json.writeEndObject();
            }
          });
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "a cuDNN plan is not kept: " + e);
    }
    return choice;
  }

  private static String name(String key) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      return "cudnn-" + HexFormat.of().formatHex(hash, 0, 16) + ".json";
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
