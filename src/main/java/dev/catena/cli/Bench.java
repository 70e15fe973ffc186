package dev.catena.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Measuring, of parts and of the whole. */
@Command(
    name = "bench",
    description = "Measures kernels beside the device's roofline, or whole models.",
    mixinStandardHelpOptions = true,
    subcommands = {BenchKernels.class, BenchModels.class, BenchRoofline.class})
final class Bench implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return 2;
  }
}
