import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Times ONNX Runtime's Java package on a model file; one line of JSON on standard output.
 *
 * <pre>java --enable-native-access=ALL-UNNAMED -cp onnxruntime.jar OnnxRuntimePeer.java \
 *     densenet121.onnx densenet121 BATCH THREADS SECONDS</pre>
 *
 * <p>Input and output live in direct buffers made once, all graph optimisations are on.
 */
public final class OnnxRuntimePeer {
  private OnnxRuntimePeer() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 5) {
      System.err.println("usage: OnnxRuntimePeer MODEL.onnx NAME BATCH THREADS SECONDS");
      System.exit(2);
    }
    int batch = Integer.parseInt(args[2]);
    int threads = Integer.parseInt(args[3]);
    double seconds = Double.parseDouble(args[4]);
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (var options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      try (OrtSession session = environment.createSession(args[0], options)) {
        measure(environment, session, args[1], batch, threads, seconds);
      }
    }
  }

  private static void measure(
      OrtEnvironment environment,
      OrtSession session,
      String model,
      int batch,
      int threads,
      double seconds)
      throws Exception {
    String input = session.getInputNames().iterator().next();
    String output = session.getOutputNames().iterator().next();
    long[] inputShape = shape(session.getInputInfo().get(input).getInfo(), batch);
    long[] outputShape = shape(session.getOutputInfo().get(output).getInfo(), batch);
    FloatBuffer images = floats(inputShape);
    var random = new Random(1);
    for (int i = 0; i < images.capacity(); i++) {
      images.put(i, (float) random.nextGaussian());
    }
    try (OnnxTensor x = OnnxTensor.createTensor(environment, images, inputShape);
        OnnxTensor y = OnnxTensor.createTensor(environment, floats(outputShape), outputShape)) {
      Map<String, OnnxTensor> inputs = Map.of(input, x);
      Map<String, OnnxValue> outputs = Map.of(output, y);
      String figures =
          Figures.of(batch, seconds, () -> session.run(inputs, Set.of(), outputs, null).close());
      System.out.printf(
          "{\"peer\": \"onnxruntime-java\", \"version\": \"%s\", \"model\": \"%s\", \"batch\": %d,"
              + " \"dtype\": \"fp32\", \"device\": \"cpu\", \"threads\": %d, %s}%n",
          environment.getVersion(), model, batch, threads, figures);
    }
  }

  /** The tensor's shape with the free first dimension set; every other must be fixed. */
  private static long[] shape(ai.onnxruntime.ValueInfo info, int batch) {
    var tensor = (TensorInfo) info;
    if (tensor.type != OnnxJavaType.FLOAT) {
      throw new IllegalArgumentException("the model takes and gives " + tensor.type + ", not fp32");
    }
    long[] shape = tensor.getShape();
    shape[0] = batch;
    return shape;
  }

  private static FloatBuffer floats(long[] shape) {
    long count = 1;
    for (long extent : shape) {
      count *= extent;
    }
    return ByteBuffer.allocateDirect(Math.toIntExact(4 * count))
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }
}
