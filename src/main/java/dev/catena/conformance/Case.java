package dev.catena.conformance;

import dev.catena.engine.Problem;

/**
 * One problem with the kind of its numbers.
 *
 * @param line the text that makes this case alone
 * @param name of the operation, as in the line
 * @param problem what an engine is asked
 * @param overwritten the input whose memory the output lies in, or {@link #NOTHING}
 * @param data what the numbers are
 * @param seed of the numbers
 */
record Case(String line, String name, Problem problem, int overwritten, Data data, long seed) {
  /** The output has memory of its own. */
  static final int NOTHING = -1;
}
