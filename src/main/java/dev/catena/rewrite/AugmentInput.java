package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.List;

/**
 * Images are augmented and normalised where they enter a training step.
 *
 * <pre>
 * x = FromNchw(images)   →   x = Augment(images, random)
 * </pre>
 *
 * Adds the input {@code random} unless dropout has.
 *
 * @param padding pixels of the frame that images are cropped from; 0 for none
 * @param flip whether half of the images are mirrored
 * @param mean of each channel of the stored values
 * @param scale of each channel: one divided by the standard deviation
 */
public record AugmentInput(int padding, boolean flip, List<Float> mean, List<Float> scale)
    implements Rewrite {
  private static final int RANDOM_WORDS = 4;

  @Override
  public Graph apply(Graph graph) {
    return new Pass().run(graph);
  }

  private final class Pass {
    private Value random;

    Graph run(Graph graph) {
      random =
          graph.inputs().stream().filter(v -> v.name().equals("random")).findFirst().orElse(null);
      return Editor.rewrite(graph, this::visit);
    }

    private Value visit(Node node, Editor editor) {
      if (!(node.op() instanceof Op.FromNchw)) {
        return editor.keep(node);
      }
      if (random == null) {
        random = editor.addInput("random", Shape.of(RANDOM_WORDS));
      }
      Op op = new TrainingOp.Augment(padding, flip, mean, scale, node.output().dtype());
      return editor.replace(node, op, node.input(0), random);
    }
  }
}
