package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A compiled model with a batch of images to run. */
final class Run implements AutoCloseable {
  private static final int ROUNDS = 3;

  private final Arena arena = Arena.ofShared();
  private final Device device;
  private final Session session;
  private final MemorySegment images;
  private final MemorySegment result;
  private final DeviceMemory imagesThere;
  private final DeviceMemory resultThere;

  /**
   * Compiles {@code model} for the largest batch of {@code options}.
   *
   * @param method of the benchmark, for the device's time
   */
  Run(String method, String device, Model model, Inference options) {
    this.device = Device.open(device);
    this.session = model.compile(this.device, options);
    long batch = session.maxBatch();
    images = arena.allocate(batch * session.imageSize() * Float.BYTES, 64);
    result = arena.allocate(batch * session.resultSize() * Float.BYTES, 64);
    imagesThere = this.device.allocate(images.byteSize());
    imagesThere.upload(images);
    resultThere = this.device.allocate(result.byteSize());
    DeviceTime.of(method, () -> session.deviceMillis(ROUNDS));
  }

  /** From the images to the result. */
  MemorySegment run() {
    session.run(images, result);
    return result;
  }

  /** The same in the device's memory. */
  void runThere() {
    session.run(imagesThere.address(), session.maxBatch(), resultThere.address());
  }

  @Override
  public void close() {
    session.close();
    imagesThere.close();
    resultThere.close();
    device.close();
    arena.close();
  }
}
