package dev.catena;

/**
 * The time to make a session ready, in milliseconds.
 *
 * @param totalMs from the network's definition to captured graphs
 * @param enginesMs rewriting, planning, choosing engines: measuring them where no earlier process
 *     did
 * @param captureMs the first run of every program in every lane, and its capture
 * @param kernelsMs loading kernel files into the device, wherever it happened: part of the others
 * @param measured problems for which engines were measured: 0 where choices of earlier processes
 *     were enough
 */
public record WarmUp(
    double totalMs, double enginesMs, double captureMs, double kernelsMs, int measured) {
  static double millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1e6;
  }
}
