package example;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Parameters;
import dev.catena.Policy;
import dev.catena.Session;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.model.Network;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
        Trainer trainer = model.train(device, Training.batch(BATCH).policy(Policy.RECOMPUTE));
        Arena arena = Arena.ofConfined()) {
      MemorySegment images = arena.allocate(ValueLayout.JAVA_FLOAT, BATCH * trainer.imageSize());
      int[] labels = new int[BATCH];
      SplittableRandom random = new SplittableRandom(1);
      for (int step = 0; step < 60; step++) {
        draw(images, labels, random);
        trainer.step(images, labels, 0.05f);
      }
      Parameters learnt = Parameters.of(trainer.parameters());
      draw(images, labels, random);
      try (Model trained = model.with(learnt);
          Session session = trained.compile(device, Inference.batch(BATCH))) {
        MemorySegment logits = arena.allocate(ValueLayout.JAVA_FLOAT, BATCH * 4L);
        session.run(images, logits);
        System.out.printf("%d of %d right%n", right(logits, labels), BATCH);
      }
    }
  }

  private static void draw(MemorySegment images, int[] labels, SplittableRandom random) {
    for (int n = 0, at = 0; n < BATCH; n++) {
      int kind = random.nextInt(4);
      labels[n] = kind;
      for (int pixel = 0; pixel < 12 * 12; pixel++, at++) {
        int row = pixel / 12;
        int column = pixel % 12;
        int[] bright = {row & 1, column & 1, row + column & 1, 0};
        images.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian() + bright[kind]);
      }
    }
  }

  private static int right(MemorySegment logits, int[] labels) {
    int right = 0;
    for (int n = 0; n < BATCH; n++) {
      int best = 0;
      for (int k = 1; k < 4; k++) {
        float value = logits.getAtIndex(ValueLayout.JAVA_FLOAT, 4L * n + k);
        best = value > logits.getAtIndex(ValueLayout.JAVA_FLOAT, 4L * n + best) ? k : best;
      }
      right += best == labels[n] ? 1 : 0;
    }
    return right;
  }
}
