package dev.catena.spark;

import dev.catena.io.Preprocessing;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;
import org.apache.spark.sql.SparkSession;

/**
 * The parameters that {@link CatenaTransformer} and {@link CatenaEstimator} share.
 *
 * @param <T> one of the two
 */
public interface CatenaParams<T> extends Params {
  /**
   * The column with the images: {@code binary}, PNG or JPEG files, prepared as a file beside the
   * weights says or as ImageNet's models ask for; or {@code array<float>}, C,H,W as the network
   * takes them. Default: {@code image}.
   */
  default T setInputCol(String column) {
    return put("inputCol", column);
  }

  /** The network: a name that {@code ./catena models} lists, or the path of an ONNX file. */
  default T setModel(String name) {
    return put("model", name);
  }

  /** The path of a safetensors file of weights, on the driver. Default: none. */
  default T setWeights(String file) {
    return put("weights", file);
  }

  /** Height and width of the images. Default: those that the network was made for. */
  default T setSize(int height, int width) {
    put("height", height);
    return put("width", width);
  }

  /** Another number of classes than the network's, by a classifier of its own. */
  default T setClasses(int count) {
    return put("classes", count);
  }

  /** The type of the activations: {@code fp32}, {@code bf16} or {@code fp16}. Default: fp32. */
  default T setDtype(String type) {
    return put("dtype", type);
  }

  /**
   * The device of every task, as {@code host} or {@code cuda:0}. Default: the GPU that Spark gives
   * the task as resource {@code gpu}; without one the first GPU of the machine, else its CPU.
   */
  default T setDevice(String name) {
    return put("device", name);
  }

  /** Images of a batch: of a session, or of a step over all ranks. Default: 32. */
  default T setBatch(int images) {
    return put("batch", images);
  }

  /** Sets a parameter by its name. */
  @SuppressWarnings("unchecked") // T is the class that implements this.
  default T put(String name, Object value) {
    set(name, value);
    return (T) this;
  }

  /** The parameters of one transformer or estimator; those that both have are there at once. */
  final class Declared implements Serializable {
    private static final long serialVersionUID = 1;

    private final Params owner;
    private final LinkedHashMap<String, Param<?>> all = new LinkedHashMap<>();

    Declared(Params owner) {
      this.owner = owner;
      text("inputCol", "column of images, binary or array<float>", "image");
      text("model", "name of a network, or path of an ONNX file", "");
      text("weights", "path of a safetensors file", "");
      number("height", "of an image, 0 for the network's own", 0);
      number("width", "of an image, 0 for the network's own", 0);
      number("classes", "0 for the network's own", 0);
      text("dtype", "fp32, bf16 or fp16", "fp32");
      text("device", "host or cuda:N; empty for the task's own", "");
      number("batch", "images of a batch", 32);
    }

    /** A parameter with text. */
    void text(String name, String meaning, String otherwise) {
      add(new Param<>(owner.uid(), name, meaning, String.class), otherwise);
    }

    /** A parameter with a number from 0. */
    void number(String name, String meaning, int otherwise) {
      add(new IntParam(owner, name, meaning, ParamValidators.gtEq(0)), otherwise);
    }

    <V> void add(Param<V> param, V otherwise) {
      all.put(param.name(), param);
      owner.setDefault(param, otherwise);
    }

    Param<?>[] all() {
      return all.values().toArray(Param<?>[]::new);
    }

    String text(String name) {
      return (String) value(name);
    }

    int number(String name) {
      return (int) value(name);
    }

    Object value(String name) {
      return owner.getOrDefault(all.get(name));
    }

    /** The network that the parameters name; its files are sent to the executors. */
    NetworkSource source(String inside, SparkSession session) {
      if (text("model").isEmpty()) {
        throw new IllegalArgumentException("no network: setModel takes a name or an ONNX file");
      }
      JavaSparkContext context = JavaSparkContext.fromSparkContext(session.sparkContext());
      return new NetworkSource(
          text("model"),
          isOnnx() ? new ShippedFile(Path.of(text("model")), context) : null,
          inside,
          text("weights").isEmpty() ? null : new ShippedFile(Path.of(text("weights")), context),
          number("height"),
          number("width"),
          number("classes"),
          text("dtype"),
          text("device"),
          number("batch"));
    }

    private boolean isOnnx() {
      return text("model").toLowerCase(Locale.ROOT).endsWith(".onnx");
    }

    /** How pictures are prepared: what a file beside the weights says, null if there is none. */
    Preprocessing preprocessing() {
      String file = text("weights").isEmpty() && isOnnx() ? text("model") : text("weights");
      try {
        return file.isEmpty()
            ? null
            : Preprocessing.beside(Path.of(file).toAbsolutePath()).orElse(null);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
