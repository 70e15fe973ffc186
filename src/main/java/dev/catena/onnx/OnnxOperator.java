package dev.catena.onnx;

import dev.catena.error.CatenaException;
import java.util.List;

/** How one of ONNX's operators is said in a graph. */
@FunctionalInterface
interface OnnxOperator {
  /**
   * The operator's outputs, as many as are understood.
   *
   * @throws Unsupported if the graph has no such operation; the message says what it lacks
   */
  List<Term> apply(GraphImport graph, OnnxNode node);

  /** An operator, or a use of it, that the graph cannot say. */
  final class Unsupported extends CatenaException {
    private static final long serialVersionUID = 1;

    Unsupported(String why) {
      super(why);
    }
  }
}
