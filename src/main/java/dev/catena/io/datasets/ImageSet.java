package dev.catena.io.datasets;

import dev.catena.graph.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Labelled images of one size, by number. Thread-safe. */
public interface ImageSet extends AutoCloseable {
  /** The number of images, at least one. */
  int size();

  /** Shape of one image, N = 1; in memory its order is C,H,W. */
  Shape image();

  /** The class of image {@code index}, from 0. */
  int label(int index);

  /**
   * Writes image {@code index} as it is stored: fp32, C,H,W; values of bytes are 0 to 255.
   *
   * @param to room for exactly one image
   * @throws IOException if its file cannot be read
   * @throws dev.catena.error.FormatException if its file is damaged
   */
  void copy(int index, MemorySegment to) throws IOException;

  /** Gives files back; nothing may be copied afterwards. */
  @Override
  default void close() {}
}
