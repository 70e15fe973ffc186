package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;

/** The launch of augment.cu. */
final class KernelAugment {
  /** Whose means and scales the kernel takes as arguments. */
  static final int MOST_CHANNELS = 4;

  private static final int BLOCK = 256;

  private KernelAugment() {}

  /** A value of each channel. */
  private record Four(float c0, float c1, float c2, float c3) {
    static Four of(List<Float> values) {
      return new Four(at(values, 0), at(values, 1), at(values, 2), at(values, 3));
    }

    private static float at(List<Float> values, int channel) {
      return channel < values.size() ? values.get(channel) : 0;
    }
  }

  static Launch launch(KernelCall call, TrainingOp.Augment op) {
    Shape shape = call.y().shape();
    var parameters =
        call.arguments(call.y())
            .set("height", shape.h())
            .set("width", shape.w())
            .set("pad", op.padding())
            .set("mean", Four.of(op.mean()))
            .set("scale", Four.of(op.scale()));
    Dim grid = Dim.of(Dim.blocks(shape.pixels(), BLOCK));
    return call.launch("augment", "augment", call.y(), grid, Dim.of(BLOCK), parameters);
  }
}
