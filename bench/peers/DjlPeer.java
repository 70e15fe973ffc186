import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import java.nio.file.Path;

/**
 * Times Deep Java Library (PyTorch engine) on a TorchScript file; one line of JSON on standard
 * output, with {@code "skipped"} and the reason where its natives cannot be loaded.
 *
 * <pre>java --enable-native-access=ALL-UNNAMED -cp 'target/peers/djl/*' DjlPeer.java \
 *     densenet121.pt densenet121 IMAGE_SIZE BATCH THREADS SECONDS</pre>
 *
 * <p>The natives come from the class path, so that nothing is loaded from the network.
 */
public final class DjlPeer {
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
      return Figures.of(
          batch,
          Double.parseDouble(seconds),
          () -> {
            try (NDList result = predictor.predict(input)) {
              result.head().toFloatArray();
            }
          });
    }
  }
}
