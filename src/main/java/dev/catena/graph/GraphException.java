package dev.catena.graph;

/** A graph that cannot be: the message names the node and says what is wrong with it. */
public final class GraphException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An error with its one-sentence explanation. */
  public GraphException(String message) {
    super(message);
  }

  /** The same error, of the node {@code name} if it does not say so yet. */
  GraphException at(String name) {
    String prefix = name + ": ";
    return getMessage().startsWith(prefix) ? this : new GraphException(prefix + getMessage());
  }
}
