package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import dev.catena.model.Catalogue;
import dev.catena.report.Table;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The catalogue. */
@Command(
    name = "models",
    description = {
      "Lists the networks: parameters, multiply-adds, planned bytes of one fp32 image.",
      "A residual one takes options in its name: se- in front is squeeze and excitation; behind stand -depth"
          + " (stochastic depth), an order of activations (-original, -bn-after-addition,"
          + " -relu-before-addition, -relu-only-preactivation, -full-preactivation, -pyramid) and a shortcut"
          + " (-projection, -subsampled-zeros, -averaged-zeros), as in se-wrn-28-10-depth."
    },
    mixinStandardHelpOptions = true)
final class ListModels implements Callable<Integer> {
  @Mixin private Output output;

  private record Row(
      String name,
      long parameters,
      long multiplyAdds,
      String input,
      int classes,
      long plannedBytes) {}

  @Override
  public Integer call() throws IOException {
    List<Row> rows = new ArrayList<>();
    List<Network> networks = Catalogue.all();
    try (ProgressBar progress = Progress.bar("planning", networks.size())) {
      for (Network network : networks) {
        rows.add(row(network));
        progress.step();
      }
    }
    Table<Row> table =
        Table.of(rows)
            .text("model", Row::name)
            .count("parameters", Row::parameters)
            .count("multiply-adds", Row::multiplyAdds)
            .text("input", Row::input)
            .count("classes", Row::classes)
            .bytes("planned, fused", Row::plannedBytes);
    output.result(table.text(output.width(), "classes", "input"), rows);
    return 0;
  }

  private static Row row(Network network) {
    Graph graph = network.graph(1, DType.FP32);
    int size = network.imageSize();
    return new Row(
        network.name(),
        graph.parameterCount(),
        graph.multiplyAdds(),
        "%dx%dx%d".formatted(network.channels(), size, size),
        network.classes(),
        Models.of(network).plan(Inference.batch(1)).peakBytes());
  }
}
