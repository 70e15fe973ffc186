package dev.catena.conformance;

import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;

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

  /**
   * The cases of a line: a {@link ProblemLine}, and
   *
   * <ul>
   *   <li>{@code dtype=f32,f16,bf16} element types, a case for each; without it all three
   *   <li>{@code data=exact,real} kinds of numbers ({@link Data}), a case for each; without it
   *       these
   *   <li>{@code in-place}: output 0 lies where the input that it is added to does, or else the
   *       first
   *   <li>{@code seed=7}
   * </ul>
   *
   * @throws IllegalArgumentException quoting the line and what is wrong
   */
  static List<Case> parse(String text) {
    CaseLine line = new CaseLine(text.strip());
    List<Data> kinds = line.kinds();
    long seed = line.ints(line.text("seed", "1"), ",")[0];
    boolean inPlace = line.flag("in-place");
    List<Case> cases = new ArrayList<>();
    for (DType dtype : line.dtypes()) {
      Problem problem = ProblemLine.problem(line, dtype);
      int over = inPlace ? overwritten(problem) : NOTHING;
      for (Data data : kinds) {
        String alone = line.alone(dtype, data, seed);
        cases.add(new Case(alone, line.operation(), problem, over, data, seed));
      }
    }
    line.requireAllRead();
    return cases;
  }

  private static int overwritten(Problem problem) {
    boolean last = problem.op() instanceof TrainingOp.Accumulating a && a.accumulate();
    return last ? problem.inputs().size() - 1 : 0;
  }
}
