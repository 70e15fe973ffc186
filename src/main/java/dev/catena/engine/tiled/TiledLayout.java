package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;

/** {@code native/host/tiled_layout.cpp}: the user's planes to pixels of channels. */
final class TiledLayout {
  private static final int BLOCKS_OF_A_CORE = 4;

  private TiledLayout() {}

  static Launch fromNchw(Problem problem, Binding binding, Device device) {
    Operand y = problem.output();
    int area = y.shape().h() * y.shape().w();
    int pixels = Math.ceilDiv(area, BLOCKS_OF_A_CORE * device.threads());
    var parameters =
        TiledParameters.of(problem)
            .set("x", binding.input(0))
            .set("y", binding.output())
            .set("area", area)
            .set("channels", y.shape().c())
            .set("yPitch", y.pitch())
            .set("pixels", pixels);
    Dim grid = Dim.of(Math.ceilDiv(area, pixels), y.shape().n());
    String kernel = "tiled_from_nchw_" + y.dtype().suffix();
    return TiledCpu.launch(device, "tiled_layout", kernel, grid, 0, parameters);
  }
}
