package dev.catena.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.catena.error.FormatException;
import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How pictures are prepared for a model, as its publisher says in a file beside the weights: {@code
 * preprocessor_config.json} of transformers, or timm's {@code config.json}.
 */
final class PreprocessingFile {
  private static final String TRANSFORMERS = "preprocessor_config.json";
  private static final String TIMM = "config.json";
  private static final long MOST_BYTES = 1 << 20;
  private static final int MOST_PIXELS = 1 << 13;
  private static final String REMEDY = "Prepare the pictures yourself, or give a Preprocessing.";
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(20).build())
          .build();

  private final Path file;

  private PreprocessingFile(Path file) {
    this.file = file;
  }

  /** See {@link Preprocessing#beside}. */
  static Optional<Preprocessing> beside(Path weights) throws IOException {
    for (String name : List.of(TRANSFORMERS, TIMM)) {
      Path file = weights.resolveSibling(name);
      if (Files.isRegularFile(file)) {
        Optional<Preprocessing> found = read(file);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  /** See {@link Preprocessing#read}; empty if the file says nothing of pictures. */
  static Optional<Preprocessing> read(Path file) throws IOException {
    var reader = new PreprocessingFile(file);
    if (Files.size(file) > MOST_BYTES) {
      throw reader.fail("", "has more than " + MOST_BYTES + " bytes");
    }
    Map<?, ?> all = reader.parse(Files.readAllBytes(file));
    if (all.containsKey("image_mean") || all.containsKey("crop_size")) {
      return Optional.of(reader.transformers(all));
    }
    Map<?, ?> timm = all.get("pretrained_cfg") instanceof Map<?, ?> inner ? inner : all;
    return timm.containsKey("input_size") ? Optional.of(reader.timm(timm)) : Optional.empty();
  }

  private Map<?, ?> parse(byte[] bytes) {
    try (JsonParser json = JSON.createParser(bytes)) {
      json.nextToken();
      if (value(json) instanceof Map<?, ?> map) {
        return map;
      }
    } catch (IOException e) {
      throw fail("", "is no JSON: " + FormatException.clip(String.valueOf(e.getMessage())));
    }
    throw fail("", "is no JSON object");
  }

  private static Object value(JsonParser json) throws IOException {
    JsonToken token = json.currentToken();
    if (token == JsonToken.START_OBJECT) {
      Map<String, Object> map = new HashMap<>();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        map.put(name, value(json));
      }
      return map;
    } else if (token == JsonToken.START_ARRAY) {
      List<Object> list = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        list.add(value(json));
      }
      return list;
    } else if (token == null) {
      throw new IOException("it ends too early");
    } else if (token.isNumeric()) {
      return json.getDoubleValue();
    } else if (token.isBoolean()) {
      return json.getBooleanValue();
    }
    return json.getText(); // "null" for null, which no field takes
  }

  /** The shorter side is resized, the middle cut out; a quotient less than 1 enlarges first. */
  private Preprocessing transformers(Map<?, ?> all) {
    if (Boolean.FALSE.equals(all.get("do_rescale"))
        || Math.abs(number(all, "rescale_factor", 1 / 255.0) * 255 - 1) > 1e-3) {
      throw fail("rescale_factor", "bytes become other numbers than from 0 to 1");
    }
    int size = side(all, "size");
    Object name =
        all.containsKey("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    boolean convNext = String.valueOf(all.get(name)).startsWith("ConvNext");
    boolean cut = all.containsKey("crop_size") && !Boolean.FALSE.equals(all.get("do_center_crop"));
    int resize = size;
    int crop = cut ? side(all, "crop_size") : size;
    if (convNext && size < 384) {
      resize = (int) (size / number(all, "crop_pct", 224 / 256.0));
    } else if (!cut
        && !(all.get("size") instanceof Map<?, ?> map && map.containsKey("shortest_edge"))) {
      throw fail("size", "pictures are stretched to a square");
    }
    boolean plain = Boolean.FALSE.equals(all.get("do_normalize"));
    return made(
        resize,
        crop,
        interpolation(all.get("resample"), "resample"),
        plain ? List.of(0f, 0f, 0f) : three(all, "image_mean"),
        plain ? List.of(1f, 1f, 1f) : three(all, "image_std"));
  }

  private Preprocessing timm(Map<?, ?> all) {
    List<?> input = list(all, "input_size");
    int crop = input.size() == 3 ? whole(input.get(2), "input_size") : 0;
    if (crop == 0 || !input.get(1).equals(input.get(2))) {
      throw fail("input_size", "is " + FormatException.clip(input.toString()) + ", no square");
    }
    Object mode = all.get("crop_mode");
    if (mode != null && !mode.equals("center")) {
      throw fail("crop_mode", "is " + FormatException.quote(mode.toString()));
    }
    return made(
        (int) (crop / number(all, "crop_pct", 0.875)),
        crop,
        interpolation(all.get("interpolation"), "interpolation"),
        three(all, "mean"),
        three(all, "std"));
  }

  private Preprocessing made(
      int resize,
      int crop,
      Preprocessing.Interpolation interpolation,
      List<Float> mean,
      List<Float> deviation) {
    if (resize > MOST_PIXELS || crop < 1 || crop > resize) {
      throw fail("size", "cannot cut %d from %d pixels".formatted(crop, resize));
    }
    return new Preprocessing(resize, crop, interpolation, mean, deviation);
  }

  /** Pillow's numbers, or words. */
  private Preprocessing.Interpolation interpolation(Object value, String place) {
    if (value == null || value.equals(2.0) || value.equals("bilinear")) {
      return Preprocessing.Interpolation.BILINEAR;
    } else if (value.equals(3.0) || value.equals("bicubic")) {
      return Preprocessing.Interpolation.BICUBIC;
    }
    throw fail(
        place,
        "is %s, neither bilinear (2) nor bicubic (3)"
            .formatted(FormatException.quote(value.toString())));
  }

  /** A number of pixels: as it is, or of a shortest edge, or of an equal height and width. */
  private int side(Map<?, ?> all, String name) {
    Object value = all.get(name);
    if (value instanceof Map<?, ?> map) {
      if (map.containsKey("shortest_edge")) {
        return whole(map.get("shortest_edge"), name);
      } else if (map.get("height") != null && map.get("height").equals(map.get("width"))) {
        return whole(map.get("height"), name);
      }
      throw fail(name, "is " + FormatException.clip(map.toString()) + ", no square");
    }
    return whole(value, name);
  }

  private int whole(Object value, String place) {
    if (value instanceof Double number
        && number >= 1
        && number <= MOST_PIXELS
        && number == Math.rint(number)) {
      return number.intValue();
    }
    throw fail(place, "is no number of pixels: " + FormatException.clip(String.valueOf(value)));
  }

  private double number(Map<?, ?> all, String name, double otherwise) {
    Object value = all.get(name);
    if (value == null || value.equals("null")) {
      return otherwise;
    } else if (value instanceof Double number && number > 0 && number <= 1) {
      return number;
    }
    throw fail(name, "is no number from 0 to 1: " + FormatException.clip(value.toString()));
  }

  private List<?> list(Map<?, ?> all, String name) {
    if (all.get(name) instanceof List<?> list) {
      return list;
    }
    throw fail(name, "is no list");
  }

  private List<Float> three(Map<?, ?> all, String name) {
    List<Float> numbers = new ArrayList<>();
    for (Object value : list(all, name)) {
      if (!(value instanceof Double number) || !(number >= 0 && number <= 255)) {
        throw fail(name, "is not three numbers from 0");
      }
      numbers.add(number.floatValue());
    }
    if (numbers.size() != 3 || name.endsWith("std") && numbers.contains(0f)) {
      throw fail(name, "is not three numbers from 0");
    }
    return numbers;
  }

  private ModelFormatException fail(String place, String reason) {
    return new ModelFormatException(file, place, reason, REMEDY);
  }
}
