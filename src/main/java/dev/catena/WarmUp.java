package dev.catena;

/**
 * What it took to make a session ready, in milliseconds.
 *
 * @param total from the network's definition to captured graphs
 * @param engines rewriting, planning, choosing engines: measuring them where no earlier process did
 * @param capture the first run of every program in every lane, and its capture
 * @param kernels loading kernel files into the device, wherever it happened: part of the others
 */
public record WarmUp(double total, double engines, double capture, double kernels) {
  static double millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1e6;
  }
}
