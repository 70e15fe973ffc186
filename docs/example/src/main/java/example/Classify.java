package example;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.io.SafeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Classifies eight images of noise: with the weights of a file, or with initial ones. */
public final class Classify {
  private static final int BATCH = 8;

  private Classify() {}

  /** One argument, which may be left out: weights of DenseNet-BC-40-12, safetensors. */
  public static void main(String[] args) throws Exception {
    Model network = Models.get("densenet-bc-40-12");
    try (Device device = Device.open("host");
        Model model =
            args.length > 0
                ? network.load(SafeTensors.open(Path.of(args[0])))
                : network.initialise(0);
        Session session = model.compile(device, Inference.batch(1, BATCH));
        Arena arena = Arena.ofConfined()) {
      System.out.print(session.plan().report());

      long pixels = BATCH * session.imageSize();
      MemorySegment images = arena.allocate(ValueLayout.JAVA_FLOAT, pixels);
      MemorySegment logits = arena.allocate(ValueLayout.JAVA_FLOAT, BATCH * session.resultSize());
      var noise = new java.util.SplittableRandom(1);
      for (long i = 0; i < pixels; i++) {
        images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) noise.nextGaussian());
      }
      session.run(images, logits); // any thread may

      for (int image = 0; image < BATCH; image++) {
        int best = 0;
        for (int k = 1; k < session.resultSize(); k++) {
          if (logit(logits, session, image, k) > logit(logits, session, image, best)) {
            best = k;
          }
        }
        System.out.printf("image %d: class %d%n", image, best);
      }
    }
  }

  private static float logit(MemorySegment logits, Session session, int image, int k) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT, (long) image * session.resultSize() + k);
  }
}
