package dev.catena.cli;

import dev.catena.StepEngine;
import dev.catena.engine.Timing;
import dev.catena.report.ReportedVariant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * One variant of a comparison while it is measured.
 *
 * @param micros of each measured run
 */
record ComparedVariant(String name, ComparedRun run, double compileMs, List<Double> micros)
    implements AutoCloseable {
  ComparedVariant(String name, ComparedRun run, double compileMs) {
    this(name, run, compileMs, new ArrayList<>());
  }

  void measure() {
    long start = System.nanoTime();
    run.run();
    micros.add((System.nanoTime() - start) / 1e3);
  }

  /** For the page, with the times of its layers, which are measured now. */
  ReportedVariant reported(int rounds) {
    ComparedRun.Compiled c = run.compiled();
    return new ReportedVariant(name, c.plan(), c.resident(), run.profile(rounds));
  }

  VariantResult result(float[] reference) {
    ComparedRun.Compiled c = run.compiled();
    Timing time = Timing.of(micros.stream().mapToDouble(Double::doubleValue).toArray());
    Map<String, Integer> engines =
        c.engines().stream()
            .collect(
                Collectors.groupingBy(
                    StepEngine::engine, TreeMap::new, Collectors.summingInt(_ -> 1)));
    return new VariantResult(
        name,
        c.plan().peakBytes(),
        c.plan().lowerBoundBytes(),
        c.measuredBytes(),
        c.weightBytes(),
        c.launches(),
        time.micros() / 1e3,
        time.least() / 1e3,
        1e6 * c.batch() / time.micros(),
        Agreement.of(reference, run.result()),
        c.warmUp(),
        run.training(),
        time.runs(),
        compileMs,
        engines);
  }

  @Override
  public void close() {
    run.close();
  }
}
