package dev.catena.engine.kernel;

import dev.catena.device.Device;

/**
 * What a device gives a block.
 *
 * @param capability compute capability, 90 for 9.0
 * @param multiprocessors that share the blocks
 */
record KernelLimits(int capability, int multiprocessors) {
  /** The GPU that the host is taken for, so that it runs the same tiles. */
  private static final KernelLimits HOST = new KernelLimits(90, 132);

  /** Shared memory that the system keeps of each block. */
  private static final int RESERVED_BYTES = 1 << 10;

  KernelLimits(Device device) {
    this(
        device.kind() == Device.Kind.HOST ? HOST.capability : device.computeCapability(),
        device.kind() == Device.Kind.HOST ? HOST.multiprocessors : device.multiprocessors());
  }

  /** True if there are asynchronous copies and bf16 on tensor cores. */
  boolean pipelines() {
    return capability >= 80;
  }

  /** Shared memory that all blocks of a multiprocessor have together. */
  int sharedBytes() {
    int kib =
        switch (capability) {
          case 75 -> 64;
          case 80, 87 -> 164;
          case 90, 100, 101, 103, 110 -> 228;
          default -> 100;
        };
    return kib << 10;
  }

  /** Blocks that run on a multiprocessor at once, as far as their shared memory goes. */
  int blocks(int bytes) {
    return sharedBytes() / (bytes + RESERVED_BYTES);
  }
}
