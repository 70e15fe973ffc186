package example;

import module dev.catena;

import java.nio.file.Path;
import java.util.Random;

/** Classifies photographs, or noise if there are none. */
public final class Classify {
  private Classify() {}

  /** Weights of DenseNet-121, safetensors, then pictures; without arguments initial weights. */
  public static void main(String[] args) throws Exception {
    Model network = Models.get("densenet121");
    try (Device device = Device.open("host");
        Model model = args.length > 0 ? network.load(Path.of(args[0])) : network.initialise(0);
        Session session = model.compile(device, Inference.batch(1))) {
      System.out.print(session.plan().report());
      if (args.length < 2) {
        byte[] rgb = new byte[3 * 300 * 200];
        new Random(1).nextBytes(rgb);
        session.classify(new Image(300, 200, rgb), 5).forEach(System.out::println);
      }
      for (int i = 1; i < args.length; i++) {
        System.out.println(args[i]);
        session.classify(Image.read(Path.of(args[i])), 5).forEach(System.out::println);
      }
    }
  }
}
