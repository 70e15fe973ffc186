package dev.catena;

import dev.catena.rewrite.Pipeline;

/** The ways to run a network that a comparison sets side by side. */
@SuppressWarnings(
    "exports") // Rewrites are internal; the tests and benchmarks of this repository use them.
public enum Variant {
  /** Every operation its own kernel, concatenation by copies. */
  UNFUSED("unfused", Pipeline.unfused()),
  /** Concatenation by construction, nothing else. */
  IN_PLACE("in-place", Pipeline.inPlace()),
  /** All rewrites. */
  FUSED("fused", Pipeline.fused());

  private final String label;
  private final Pipeline pipeline;

  Variant(String label, Pipeline pipeline) {
    this.label = label;
    this.pipeline = pipeline;
  }

  /** Its name in commands and JSON. */
  public String label() {
    return label;
  }

  /** Its rewrites of a network's graph. */
  public Pipeline pipeline() {
    return pipeline;
  }
}
