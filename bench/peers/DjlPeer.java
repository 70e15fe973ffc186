import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times Deep Java Library (PyTorch engine) on a TorchScript file; one line of JSON on standard
 * output, with {@code "skipped"} and the reason where its natives cannot be loaded.
 *
 * <pre>java --enable-native-access=ALL-UNNAMED -cp 'target/peers/djl/*' DjlPeer.java \
 *     densenet121.pt densenet121 IMAGE_SIZE BATCH THREADS SECONDS</pre>
 *
 * <p>The natives come from the class path, so that nothing is loaded from the network. {@code
 * peak_bytes} is the growth of resident memory over the runs alone.
 */
public final class DjlPeer {
  private static final Path STATUS = Path.of("/proc/self/status");

  private DjlPeer() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 6) {
      System.err.println("usage: DjlPeer MODEL.pt NAME IMAGE_SIZE BATCH THREADS SECONDS");
      System.exit(2);
    }
    int batch = Integer.parseInt(args[3]);
    String head =
        "{\"peer\": \"djl\", \"model\": \"%s\", \"batch\": %d, \"dtype\": \"fp32\", \"device\": \"cpu\", \"threads\": %s"
            .formatted(args[1], batch, args[4]);
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("ai.djl.pytorch.num_threads", args[4]);
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    try {
      String version =
          "%s, libtorch %s"
              .formatted(Engine.getDjlVersion(), Engine.getEngine("PyTorch").getVersion());
      String figures = measure(args[0], Integer.parseInt(args[2]), batch, args[5]);
      System.out.printf("%s, \"version\": \"%s\", %s}%n", head, version, figures);
    } catch (ai.djl.engine.EngineException | LinkageError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      String reason = cause.toString().lines().findFirst().orElse("").replaceAll("[\"\\\\]", "'");
      System.out.printf("%s, \"skipped\": \"%s\"}%n", head, reason);
    }
  }

  private static String measure(String file, int size, int batch, String seconds) throws Exception {
    Criteria<NDList, NDList> criteria =
        Criteria.builder()
            .setTypes(NDList.class, NDList.class)
            .optEngine("PyTorch")
            .optModelPath(Path.of(file))
            .optTranslator(new NoopTranslator())
            .build();
    try (ZooModel<NDList, NDList> model = criteria.loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor();
        NDManager manager = NDManager.newBaseManager()) {
      NDArray images = manager.randomNormal(new Shape(batch, 3, size, size));
      NDList input = new NDList(images);
      Files.writeString(Path.of("/proc/self/clear_refs"), "5");
      long before = kilobytes("VmRSS:");
      for (int i = 0; i < 3; i++) {
        predictor.predict(input).close();
      }
      List<Double> times = new ArrayList<>();
      long end = System.nanoTime() + (long) (Double.parseDouble(seconds) * 1e9);
      do {
        long start = System.nanoTime();
        try (NDList result = predictor.predict(input)) {
          result.head().toFloatArray();
        }
        times.add((System.nanoTime() - start) / 1e6);
      } while (times.size() < 5 || System.nanoTime() < end);
      times.sort(null);
      double median = (times.get((times.size() - 1) / 2) + times.get(times.size() / 2)) / 2;
      return String.format(
          Locale.ROOT,
          "\"median_ms\": %.3f, \"min_ms\": %.3f, \"images_per_s\": %.2f, \"peak_bytes\": %d, \"runs\": %d",
          median,
          times.get(0),
          batch * 1e3 / median,
          1024 * (kilobytes("VmHWM:") - before),
          times.size());
    }
  }

  private static long kilobytes(String field) {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(field)) {
          return Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("peak memory is read from Linux's /proc", e);
    }
    throw new IllegalStateException("no " + field + " in " + STATUS);
  }
}
