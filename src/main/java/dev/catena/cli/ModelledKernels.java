package dev.catena.cli;

import dev.catena.conformance.ProblemLine;
import dev.catena.engine.Problem;
import dev.catena.graph.Shape;
import dev.catena.measure.GpuSpec;
import dev.catena.measure.KernelModel;
import dev.catena.measure.KernelModel.Modelled;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Every kernel of a model as a described GPU would run it: what {@code bench kernels --as} prints.
 *
 * @param gpu the description
 * @param kernels the slowest first
 */
record ModelledKernels(GpuSpec gpu, double totalUs, List<Kernel> kernels) {
  /**
   * A problem.
   *
   * @param times that a run solves it
   * @param leastUs by the description's roofline
   * @param traffic bytes exchanged with the device's memory over the least
   * @param conflicts of all wavefronts of shared memory
   * @param others engines that compete, if they were asked for
   */
  record Kernel(
      String key,
      String shape,
      int times,
      long bytes,
      long flops,
      double leastUs,
      double modelledUs,
      double rooflineShare,
      double traffic,
      double conflicts,
      String engine,
      List<KernelModel.Launch> launches,
      List<Other> others) {
    double totalUs() {
      return times * modelledUs;
    }

    KernelModel.Launch longest() {
      return KernelModel.longest(launches);
    }
  }

  /** Another engine, and what it would take. */
  record Other(String engine, double modelledUs, List<KernelModel.Launch> launches) {}

  /** Counts and models them all. */
  static ModelledKernels of(
      Map<Problem, Integer> problems, KernelModel model, boolean all, Runnable progress) {
    List<Kernel> kernels = new ArrayList<>();
    problems.forEach(
        (problem, times) -> {
          List<Modelled> modelled = all ? model.contenders(problem) : List.of(model.model(problem));
          kernels.add(kernel(modelled, times, model.gpu()));
          progress.run();
        });
    kernels.sort(Comparator.comparingDouble(Kernel::totalUs).reversed());
    double total = kernels.stream().mapToDouble(Kernel::totalUs).sum();
    return new ModelledKernels(model.gpu(), total, kernels);
  }

  private static Kernel kernel(List<Modelled> modelled, int times, GpuSpec gpu) {
    Modelled chosen = modelled.getFirst();
    Problem problem = chosen.problem();
    double least = chosen.cost().least(gpu.peaks(problem.precision()));
    return new Kernel(
        ProblemLine.of(problem),
        shape(problem),
        times,
        chosen.cost().bytes(),
        chosen.cost().flops(),
        1e6 * least,
        1e6 * chosen.seconds(),
        least / chosen.seconds(),
        chosen.traffic(),
        chosen.conflicts(),
        chosen.engine(),
        chosen.launches(),
        modelled.stream()
            .skip(1)
            .map(other -> new Other(other.engine(), 1e6 * other.seconds(), other.launches()))
            .toList());
  }

  /** The input, and the channels of the output if they differ. */
  private static String shape(Problem problem) {
    Shape x = problem.input(0).shape();
    Shape y = problem.outputs().getFirst().shape();
    return x.rank() == 4 && y.rank() == 4 && x.c() != y.c() ? x + "→" + y.c() : x.toString();
  }

  /** A table in lines of {@code width}, and what it is. */
  String text(int width) {
    String table =
        Table.of(kernels)
            .text("kernel", k -> k.longest().kernel())
            .text("of", Kernel::shape)
            .count("times", Kernel::times)
            .millis("all", k -> k.totalUs() / 1e3)
            .percent("roof", Kernel::rooflineShare)
            .number("moved", "%.2f", Kernel::traffic)
            .percent("banks", Kernel::conflicts)
            .percent("warps", k -> k.longest().time().occupancy().share())
            .text("limiter", k -> k.longest().time().limiter())
            .text(width, "of", "banks");
    String about =
        ("A model of %s, not a measurement: its error is not known until a GPU was measured."
                + " roof: share of the roofline; moved: bytes from and to the device's memory over the"
                + " least; banks: conflicts of all wavefronts; warps: occupancy. Of several launches the"
                + " longest is named.")
            .formatted(gpu.name());
    return Units.wrapped("", about, "", width)
        + table
        + "all steps of a run: %s%n".formatted(Units.millis(totalUs / 1e3));
  }
}
