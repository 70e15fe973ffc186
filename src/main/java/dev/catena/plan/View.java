package dev.catena.plan;

/**
 * Where an activation lies: a range of channels of a buffer.
 *
 * @param buffer its id, or {@link #EXTERNAL}
 * @param firstChannel of the range
 * @param pitch channels from one pixel of the buffer to the next; 0 for dense N,C,H,W
 */
public record View(int buffer, int firstChannel, int pitch) {
  /**
   * The buffer of a value that lies elsewhere: what a slice's body shares with the graph around it,
   * gradients in a {@link TrainingState}.
   */
  public static final int EXTERNAL = -1;
}
