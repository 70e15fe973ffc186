package dev.catena.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.catena.error.FormatException;
import dev.catena.io.file.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Names of classes, in the order of a network's outputs.
 *
 * <p>The forms in use are read: a text file with one name a line; JSON {@code ["tench", …]}, {@code
 * {"0": "tench", …}} or {@code {"0": ["n01440764", "tench"], …}}, of which the last text is the
 * name.
 */
public final class Labels {
  private static final long MAX_FILE = 1 << 24;
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private Labels() {}

  /**
   * Reads the names of all classes.
   *
   * @throws IOException if the file cannot be read
   * @throws FormatException if it has none of the forms, or a class lacks a name
   */
  public static List<String> read(Path file) throws IOException {
    RegularFile.require(file);
    if (Files.size(file) > MAX_FILE) {
      throw fail(file, "", "has more than " + (MAX_FILE >> 20) + " MiB");
    }
    String text;
    try {
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
              .toString();
    } catch (CharacterCodingException _) {
      throw fail(file, "", "not a text in UTF-8");
    }
    // Some editors put a byte order mark in front.
    text = text.startsWith("\uFEFF") ? text.substring(1) : text;
    char first = text.isBlank() ? 0 : text.stripLeading().charAt(0);
    List<String> names = first == '{' || first == '[' ? json(file, text) : lines(file, text);
    if (names.isEmpty()) {
      throw fail(file, "", "names no class");
    }
    return names;
  }

  private static List<String> lines(Path file, String text) {
    List<String> names = text.stripTrailing().lines().map(String::strip).toList();
    int blank = names.indexOf("");
    if (blank >= 0) {
      throw fail(file, "line " + (blank + 1), "is blank, so later classes would get wrong names");
    }
    return names;
  }

  private static List<String> json(Path file, String text) throws IOException {
    SortedMap<Integer, String> byClass = new TreeMap<>();
    try (JsonParser json = JSON.createParser(text)) {
      if (json.nextToken() == JsonToken.START_ARRAY) {
        while (json.nextToken() != JsonToken.END_ARRAY) {
          byClass.put(byClass.size(), name(file, json));
        }
      } else {
        while (json.nextToken() != JsonToken.END_OBJECT) {
          int index = index(file, json.currentName());
          json.nextToken();
          if (byClass.put(index, name(file, json)) != null) {
            throw fail(file, "class " + index, "is named twice");
          }
        }
      }
      if (json.nextToken() != null) {
        throw fail(file, "", "goes on after its JSON");
      }
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
      throw fail(
          file, "line " + line, "broken JSON: " + FormatException.clip(e.getOriginalMessage()));
    }
    int count = byClass.size();
    if (count > 0 && byClass.lastKey() != count - 1) {
      throw fail(
          file, "", count + " classes are named, but the last is number " + byClass.lastKey());
    }
    return List.copyOf(byClass.values());
  }

  private static int index(Path file, String key) {
    if (!key.matches("[0-9]{1,7}")) {
      throw fail(file, FormatException.quote(key), "is not a class number");
    }
    return Integer.parseInt(key);
  }

  /** A text, or the last text of a list. */
  private static String name(Path file, JsonParser json) throws IOException {
    List<String> texts = new ArrayList<>();
    boolean list = json.currentToken() == JsonToken.START_ARRAY;
    while (!list || json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.VALUE_STRING) {
        throw fail(
            file, "line " + json.currentTokenLocation().getLineNr(), "a name must be a text");
      }
      texts.add(json.getText());
      if (!list) {
        break;
      }
    }
    if (texts.isEmpty() || texts.getLast().isBlank()) {
      throw fail(file, "line " + json.currentTokenLocation().getLineNr(), "a name is missing");
    }
    return texts.getLast();
  }

  private static FormatException fail(Path file, String place, String reason) {
    return new FormatException(
        file, place, reason, "Give one name a line, or JSON {\"0\": \"tench\", …}.");
  }
}
