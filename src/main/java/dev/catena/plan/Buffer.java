package dev.catena.plan;

/**
 * A piece of the arena with a life.
 *
 * @param id index in the plan
 * @param name of the value that it was made for, or of the step whose scratch it is
 * @param owner what it is for
 * @param bytes size
 * @param firstStep the first step that writes it
 * @param lastStep the last step that needs it, inclusive
 * @param offset in the arena
 */
public record Buffer(
    int id, String name, Owner owner, long bytes, int firstStep, int lastStep, long offset) {
  /** The owner of a buffer. */
  public enum Owner {
    /** The batch, as the user gave it. */
    INPUT,
    /** Concatenated features: a dense block, an inception module. */
    FEATURES,
    /** The sums of gradients of a dense block. */
    GRADIENTS,
    /** Any other activation. */
    ACTIVATION,
    /** Scratch memory of one step. */
    WORKSPACE,
    /** The result that the user takes. */
    OUTPUT
  }

  Buffer at(long newOffset) {
    return new Buffer(id, name, owner, bytes, firstStep, lastStep, newOffset);
  }

  long end() {
    return offset + bytes;
  }
}
