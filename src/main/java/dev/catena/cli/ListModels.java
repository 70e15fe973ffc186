package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.model.Catalogue;
import dev.catena.model.Network;
import dev.catena.report.Table;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

  @Override
  public Integer call() throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    Table table =
        new Table("model", "parameters", "multiply-adds", "input", "classes", "planned, fused");
    List<Network> networks = Catalogue.all();
    try (ProgressBar progress = Progress.bar("planning", networks.size())) {
      for (Network network : networks) {
        Map<String, Object> row = row(network);
        rows.add(row);
        table.row(
            row.get("name"),
            Table.count((long) row.get("parameters")),
            Table.count((long) row.get("multiply_adds")),
            row.get("input"),
            Table.count((int) row.get("classes")),
            Table.bytes((long) row.get("planned_bytes")));
        progress.step();
      }
    }
    output.result(table.toString(), rows);
    return 0;
  }

  private static Map<String, Object> row(Network network) {
    Graph graph = network.graph(1, DType.FP32);
    int size = network.imageSize();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", network.name());
    row.put("parameters", graph.parameterCount());
    row.put("multiply_adds", graph.multiplyAdds());
    row.put("input", "%dx%dx%d".formatted(network.channels(), size, size));
    row.put("classes", network.classes());
    row.put("planned_bytes", Models.of(network).plan(Inference.batch(1)).getFirst().peakBytes());
    return row;
  }
}
