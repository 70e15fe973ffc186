package dev.catena;

/**
 * The time of one step of a program on the device.
 *
 * @param step its name in the graph
 * @param operation what it computes, as {@link dev.catena.graph.Op} names it
 * @param engine who computes it
 * @param launches kernels, library calls and copies, over all slices of the batch
 * @param millis time on the device: the median of what was measured, over all slices
 */
public record StepTime(String step, String operation, String engine, int launches, double millis) {}
