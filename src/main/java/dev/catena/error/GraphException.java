package dev.catena.error;

/** A graph that cannot be: the message names the node and says what is wrong with it. */
public final class GraphException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** An error with its one-sentence explanation. */
  public GraphException(String message) {
    super(message);
  }

  /** The same error, of the node {@code name} if it does not say so yet. */
  public GraphException at(String name) {
    String prefix = name + ": ";
    return getMessage().startsWith(prefix) ? this : new GraphException(prefix + getMessage());
  }
}
