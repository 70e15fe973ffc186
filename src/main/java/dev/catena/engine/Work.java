package dev.catena.engine;

import dev.catena.device.Stream;

/**
 * Prepared launches. Enqueued once into a capturing stream or many times into a plain one.
 *
 * <p>What it holds in native memory lives until {@link #close}.
 */
public interface Work extends AutoCloseable {
  /** Puts the launches into {@code stream}, without waiting. */
  void enqueue(Stream stream);

  /** The number of launches (kernels, library calls, copies) of one {@link #enqueue}. */
  int launches();

  @Override
  void close();
}
