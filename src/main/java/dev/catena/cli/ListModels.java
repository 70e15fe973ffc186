package dev.catena.cli;

import dev.catena.Models;
import dev.catena.exec.Inference;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.model.Catalogue;
import dev.catena.model.Network;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The catalogue. */
@Command(
    name = "models",
    description = "Lists the networks: parameters, multiply-adds, planned bytes of one image.",
    mixinStandardHelpOptions = true)
final class ListModels implements Callable<Integer> {
  @Option(names = "--json", paramLabel = "FILE|-", description = "Write JSON instead.")
  private String json;

  @Override
  public Integer call() throws IOException {
    List<Map<String, Object>> rows = Catalogue.all().stream().map(ListModels::row).toList();
    if (json != null) {
      Json.write(json, rows);
      return 0;
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            "%-20s %14s %16s %14s %8s %14s",
            "model", "parameters", "multiply-adds", "input", "classes", "planned fp32"));
    for (Map<String, Object> row : rows) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-20s %,14d %,16d %14s %8d %10.2f MiB",
              row.get("name"),
              (long) row.get("parameters"),
              (long) row.get("multiply_adds"),
              row.get("input"),
              (int) row.get("classes"),
              (long) row.get("planned_bytes") / (double) (1 << 20)));
    }
    lines.forEach(System.out::println);
    return 0;
  }

  private static Map<String, Object> row(Network network) {
    Graph graph = network.graph(1, DType.FP32);
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", network.name());
    row.put("parameters", graph.parameterCount());
    row.put("multiply_adds", graph.multiplyAdds());
    row.put(
        "input",
        "%dx%dx%d".formatted(network.channels(), network.imageSize(), network.imageSize()));
    row.put("classes", network.classes());
    row.put("planned_bytes", Models.of(network).plan(Inference.batch(1)).getFirst().peakBytes());
    return row;
  }
}
