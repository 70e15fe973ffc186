package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.engine.tiled.TiledParameters.Output;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import java.util.ArrayList;
import java.util.List;

/** {@code native/host/tiled_pointwise.cpp}: 1x1 convolutions and matrix products. */
final class TiledPointwise {
  private static final int TILES_OF_A_BLOCK = 16;

  /** Pixels whose products cores share by output channels. */
  private static final int MOST_PIXELS = 512;

  private TiledPointwise() {}

  /** The filters' panels, if they are trained. */
  static long workspace(Problem problem, TiledForm form) {
    return TiledFilters.trained(problem) ? filters(problem, form).bytes() : 0;
  }

  private static TiledFilters filters(Problem problem, TiledForm form) {
    DType dtype = problem.input(0).dtype();
    int depth = form.depth(problem.input(0).shape().c());
    return new TiledFilters(problem.output().shape().c(), 1, 1, depth, form.pairs(), dtype);
  }

  /** Address of the filters' panels, which a launch before packs if they are trained. */
  private static long filters(
      Problem problem, TiledForm form, Binding binding, Device device, List<Launch> before) {
    TiledFilters filters = filters(problem, form);
    int channels = problem.input(0).shape().c();
    if (TiledFilters.trained(problem)) {
      var steps = TiledFilters.Steps.forward(problem.input(1), filters.outputs());
      before.add(filters.pack(device, binding.input(1), binding.workspace(), steps, channels));
      return binding.workspace();
    }
    return filters.upload(binding, 1, "1x1", channels, (f, k, t, c) -> f[k * channels + c]);
  }

  static List<Launch> prepare(
      Problem problem, Op.Conv op, TiledForm form, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    DType dtype = x.dtype();
    int channels = x.shape().c();
    int outputs = y.shape().c();

    int count = Math.multiplyExact(x.shape().n(), x.shape().h() * x.shape().w());
    int allPanels = Math.ceilDiv(outputs, TiledFilters.PANEL);
    int threads = device.threads();
    int tiles = Math.ceilDiv(count, form.rows());
    // Of few pixels (a classifier, a small image) cores share the filters: each reads only its own.
    boolean few = tiles < threads && tiles < allPanels;
    boolean even = allPanels % threads == 0 || allPanels >= 8 * threads;
    boolean splitPixels = !few && !(even && count <= MOST_PIXELS);
    int ranges = splitPixels ? threads * Math.clamp(tiles / threads / TILES_OF_A_BLOCK, 1, 8) : 1;
    int pixels = Math.ceilDiv(count, ranges);
    int panels = splitPixels ? allPanels : Math.ceilDiv(allPanels, threads);

    int row = TiledCpu.rowWords(channels, form.pairs());
    int strip = Math.max(1, TiledCpu.STRIP_WORDS / row / form.rows()) * form.rows();
    long words = (long) strip * row + (long) form.rows() * TiledFilters.PANEL;

    List<Launch> launches = new ArrayList<>();
    long filters = filters(problem, form, binding, device, launches);
    var parameters =
        TiledParameters.of(problem)
            .set(
                "image", Image.of(problem, binding, 0, x.shape(), channels, op.prologue(), 2, 0, 0))
            .set("w", filters)
            .set("output", Output.of(problem, binding, op))
            .set("count", count)
            .set("outputs", outputs)
            .set("pixels", pixels)
            .set("panels", panels)
            .set("strip", strip)
            .set("form", form.ordinal());
    Dim grid = Dim.of(Math.ceilDiv(count, pixels), Math.ceilDiv(allPanels, panels));
    String kernel = "tiled_pointwise_" + dtype.suffix();
    launches.add(TiledCpu.launch(device, "tiled_pointwise", kernel, grid, words, parameters));
    return launches;
  }
}
