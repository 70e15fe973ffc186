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

  static Launch launch(KernelCall call, TrainingOp.Augment op) {
    Shape shape = call.y().shape();
    return call.launch(
        "augment",
        "augment",
        call.y(),
        Dim.of(Dim.blocks(shape.pixels(), BLOCK)),
        Dim.of(BLOCK),
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        (int) shape.pixels(),
        shape.h(),
        shape.w(),
        shape.c(),
        call.y().pitch(),
        op.padding(),
        op.flip() ? 1 : 0,
        of(op.mean(), 0),
        of(op.mean(), 1),
        of(op.mean(), 2),
        of(op.mean(), 3),
        of(op.scale(), 0),
        of(op.scale(), 1),
        of(op.scale(), 2),
        of(op.scale(), 3));
  }

  private static float of(List<Float> values, int channel) {
    return channel < values.size() ? values.get(channel) : 0;
  }
}
