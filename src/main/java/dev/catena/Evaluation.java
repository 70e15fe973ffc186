package dev.catena;

import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.ImageSet;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * The accuracy of a classifier.
 *
 * @param images how many it was shown
 * @param loss the mean of −log softmax(logits) at the label
 * @param accuracy share of images whose largest logit is the label's
 */
public record Evaluation(long images, double loss, double accuracy) {

  /**
   * Shows {@code session} the images that {@code data} has to test with, each once.
   *
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are none
   */
  public static Evaluation of(Session session, DataSet data) throws IOException {
    ImageSet test =
        data.test()
            .orElseThrow(
                () -> new IllegalArgumentException(data.name() + " has no images to test with"));
    Sampler sampler = Sampler.once(test.size(), session.maxBatch());
    Evaluation sum = new Evaluation(0, 0, 0);
    try (Arena arena = Arena.ofConfined();
        BatchLoader loader = new BatchLoader(test, sampler, 0, Optional.of(data.normalization()))) {
      long rowBytes = (long) session.resultSize() * Float.BYTES;
      MemorySegment logits = arena.allocate(session.maxBatch() * rowBytes, Float.BYTES);
      for (int i = 0; i < sampler.steps(); i++) {
        Batch batch = loader.next();
        MemorySegment rows = logits.asSlice(0, batch.count() * rowBytes);
        session.run(batch.images(), rows);
        sum = sum.plus(of(rows, batch.labels()));
      }
    }
    return sum;
  }

  /**
   * Of one batch.
   *
   * @param logits fp32, N x classes
   * @param labels N classes
   */
  static Evaluation of(MemorySegment logits, int[] labels) {
    int count = labels.length;
    int classes = (int) (logits.byteSize() / Float.BYTES / count);
    double loss = 0;
    int right = 0;
    for (int i = 0; i < count; i++) {
      int label = labels[i];
      int best = 0;
      double sum = 0;
      double largest = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < classes; k++) {
        double logit = at(logits, i, classes, k);
        best = logit > largest ? k : best;
        largest = Math.max(largest, logit);
      }
      for (int k = 0; k < classes; k++) {
        sum += Math.exp(at(logits, i, classes, k) - largest);
      }
      loss += Math.log(sum) + largest - at(logits, i, classes, label);
      right += best == label ? 1 : 0;
    }
    return new Evaluation(count, loss / count, (double) right / count);
  }

  private static double at(MemorySegment logits, int image, int classes, int k) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) image * classes + k);
  }

  /** Of all images of both. */
  Evaluation plus(Evaluation other) {
    double all = images + other.images;
    return new Evaluation(
        images + other.images,
        (images * loss + other.images * other.loss) / all,
        (images * accuracy + other.images * other.accuracy) / all);
  }
}
