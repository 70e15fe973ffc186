package example;

import module dev.catena;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A small dense network of one's own: tells stripes, columns, chequers and plain noise apart. */
public record OwnNetwork(String name, int channels, int imageSize, int classes) implements Network {
  private static final int BATCH = 32;

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    GraphBuilder g = new GraphBuilder(name, dtype);
    Value x = g.conv("stem", g.input(batch, channels, height, width), 16, 3, 1, 1);
    for (int layer = 1; layer <= 3; layer++) {
      Value y = g.relu("relu" + layer, g.batchNorm("norm" + layer, x));
      x = g.concat("join" + layer, List.of(x, g.conv("conv" + layer, y, 12, 3, 1, 1)));
    }
    x = g.relu("relu", g.batchNorm("norm", x));
    return g.build(g.linear("classifier", g.globalAveragePool("pool", x), classes));
  }

  /** Trains it, then runs it with what it has learnt. */
  public static void main(String[] args) {
    try (Device device = Device.open("host");
        Model model = Models.of(new OwnNetwork("own", 1, 12, 4)).initialise(1);
        Trainer trainer = model.train(device, Training.batch(BATCH).policy(Policy.RECOMPUTE))) {
      float[] images = new float[BATCH * trainer.imageSize()];
      int[] labels = new int[BATCH];
      SplittableRandom random = new SplittableRandom(1);
      for (int step = 0; step < 60; step++) {
        draw(images, labels, random);
        trainer.step(images, labels, 0.05f);
      }
      draw(images, labels, random);
      try (Model trained = model.with(Parameters.of(trainer.parameters()));
          Session session = trained.compile(device, Inference.batch(BATCH))) {
        System.out.printf("%d of %d right%n", right(session.run(images), labels), BATCH);
      }
    }
  }

  private static void draw(float[] images, int[] labels, SplittableRandom random) {
    for (int n = 0, at = 0; n < BATCH; n++) {
      labels[n] = random.nextInt(4);
      for (int pixel = 0; pixel < 12 * 12; pixel++, at++) {
        int row = pixel / 12;
        int column = pixel % 12;
        int[] bright = {row & 1, column & 1, row + column & 1, 0};
        images[at] = (float) random.nextGaussian() + bright[labels[n]];
      }
    }
  }

  private static int right(float[] logits, int[] labels) {
    int right = 0;
    for (int n = 0; n < BATCH; n++) {
      float[] row = Arrays.copyOfRange(logits, 4 * n, 4 * n + 4);
      right += Classification.best(row, 1, List.of()).getFirst().label() == labels[n] ? 1 : 0;
    }
    return right;
  }
}
