package dev.catena.graph;

/** How a value lies in memory. */
public enum Layout {
  /** Activations: N,H,W,C with a channel pitch. */
  NHWC,
  /** The user's side: dense N,C,H,W in fp32. */
  NCHW,
  /** As in the checkpoint, fp32, until an engine packs it. */
  PARAMETER
}
