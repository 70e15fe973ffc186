package dev.catena.rewrite;

import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A network as it is trained: batch normalisation with the batch's statistics is an affine map, as
 * in inference, whose s and t are computed with every batch; the loss comes last.
 *
 * <pre>
 * y = BatchNorm(x, γ, β, μ, σ²)   →   q = BatchStatistics(x); s = BatchScale(γ, q);
 *                                     t = BatchShift(β, q, s); y = ScaleShift(x, s, t);
 *                                     μ' = RunningMean(μ, q); σ²' = RunningVariance(σ², q)
 * y = Dropout(x)                  →   y = ApplyDropout(x, random)
 * y = StochasticDepth(x)          →   y = DropImages(x, random)
 * y = ToNchw(logits)              →   the same, and loss = SoftmaxCrossEntropy(logits, labels)
 * Auxiliary(logits)               →   loss = loss + SoftmaxCrossEntropy(logits, labels), weighted
 * </pre>
 *
 * Outputs: the loss, the logits, then μ' and σ²' of each normalisation in order. Inputs: the batch,
 * {@code labels}, and {@code random} if something is dropped.
 *
 * @param momentum share of the batch in the running statistics; frameworks take 0.1
 * @param smoothing ε of the labels
 * @param batch images whose statistics they are; 0: those of the graph
 */
public record LowerTraining(float momentum, float smoothing, int batch) implements Rewrite {
  private static final int RANDOM_WORDS = 4;
  private static final Op SUM = new Op.Add(false);

  /** With the statistics of the graph's own images. */
  public LowerTraining(float momentum, float smoothing) {
    this(momentum, smoothing, 0);
  }

  @Override
  public Graph apply(Graph graph) {
    Graph lowered = new Pass().run(graph);
    // The editor appends: logits, statistics, loss.
    List<Value> outputs = new ArrayList<>(lowered.outputs());
    Collections.rotate(outputs, 1);
    return new Graph(lowered.name(), lowered.inputs(), lowered.nodes(), outputs);
  }

  private final class Pass {
    private Value random;
    private Value labels;

    /** Those of auxiliary classifiers, added up. */
    private Value losses;

    private int dropouts;

    Graph run(Graph graph) {
      Node last = graph.nodes().getLast();
      if (!(last.op() instanceof Op.ToNchw) || !graph.outputs().equals(List.of(last.output()))) {
        throw new GraphException(graph.name() + ": a network to be trained ends with its logits");
      }
      return Editor.rewrite(graph, this::visit);
    }

    private Value visit(Node node, Editor editor) {
      return switch (node.op()) {
        case Op.BatchNorm bn -> normalise(node, bn.epsilon(), editor);
        case Op.Dropout dropout -> {
          Op op = new TrainingOp.ApplyDropout(dropout.probability(), dropouts++);
          yield editor.replace(node, op, node.input(0), random(editor));
        }
        case Op.StochasticDepth depth -> {
          Op op = new TrainingOp.DropImages(1 - depth.survival(), dropouts++);
          yield editor.replace(node, op, node.input(0), random(editor));
        }
        case Op.Auxiliary auxiliary -> {
          Value loss = loss(node.name() + ".loss", node.input(0), auxiliary.weight(), editor);
          losses = losses == null ? loss : editor.add(loss.name() + ".sum", SUM, losses, loss);
          yield losses;
        }
        case Op.ToNchw _ -> {
          Value result = editor.keep(node);
          String name = losses == null ? "loss" : "logits.loss";
          Value loss = loss(name, node.input(0), 1, editor);
          editor.addOutput(losses == null ? loss : editor.add("loss", SUM, loss, losses));
          yield result;
        }
        default -> editor.keep(node);
      };
    }

    private Value loss(String name, Value logits, float weight, Editor editor) {
      if (labels == null) {
        labels = editor.addInput("labels", Shape.of(logits.shape().n()));
      }
      return editor.add(
          name, new TrainingOp.SoftmaxCrossEntropy(smoothing, weight), logits, labels);
    }

    private Value random(Editor editor) {
      if (random == null) {
        random = editor.addInput("random", Shape.of(RANDOM_WORDS));
      }
      return random;
    }

    private Value normalise(Node node, float epsilon, Editor editor) {
      String name = node.name();
      Value x = node.input(0);
      Value q = editor.add(name + ".statistics", new TrainingOp.BatchStatistics(), x);
      Value s = editor.add(name + ".scale", new TrainingOp.BatchScale(epsilon), node.input(1), q);
      Value t = editor.add(name + ".shift", new TrainingOp.BatchShift(), node.input(2), q, s);
      TrainingOp mean = new TrainingOp.RunningMean(momentum);
      TrainingOp variance = new TrainingOp.RunningVariance(momentum, pixels(x.shape()));
      editor.addOutput(editor.add(name + ".running_mean.next", mean, node.input(3), q));
      editor.addOutput(editor.add(name + ".running_var.next", variance, node.input(4), q));
      return editor.replace(node, new Op.ScaleShift(false), x, s, t);
    }

    private long pixels(Shape shape) {
      return batch == 0 ? shape.pixels() : shape.withImages(batch).pixels();
    }
  }
}
