package dev.catena.graph;

/** The layout of a value in memory. */
public enum Layout {
  /** Activations: N,H,W,C with a channel pitch. */
  NHWC,
  /** The user's side: dense N,C,H,W in fp32. */
  NCHW,
  /**
   * Computed with every batch and packed in the order of its shape, fp32: vectors over channels and
   * their gradients, labels, the loss.
   */
  DENSE,
  /**
   * Filters K,C,R,S and weights K,C while they are trained, and their gradients: K,R,S,C, channels
   * rounded up to a multiple of 8 with zeros.
   */
  FILTERS,
  /** As in the checkpoint, fp32, until an engine packs it. */
  PARAMETER
}
