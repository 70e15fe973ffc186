package dev.catena;

import java.util.function.Consumer;

/**
 * Options that are named one by one. Each method of a subclass gives a changed copy, so that an
 * object is never seen to change.
 *
 * @param <T> the subclass
 */
abstract class Options<T extends Options<T>> implements Cloneable {
  /** A copy with {@code change} made to it. */
  final T with(Consumer<T> change) {
    try {
      @SuppressWarnings("unchecked") // A clone has the class of what it was cloned from.
      T copy = (T) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
