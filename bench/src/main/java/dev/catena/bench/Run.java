package dev.catena.bench;

import dev.catena.Model;
import dev.catena.device.Device;
import dev.catena.exec.Inference;
import dev.catena.exec.Session;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A compiled model with a batch of images to run. */
final class Run implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Device device;
  private final Session session;
  private final MemorySegment images;
  private final MemorySegment result;

  /** Compiles {@code model} for the largest batch of {@code options}. */
  Run(String device, Model model, Inference options) {
    this.device = Device.open(device);
    this.session = model.compile(this.device, options);
    long batch = session.maxBatch();
    images = arena.allocate(batch * session.image().elements() * Float.BYTES, 64);
    result = arena.allocate(batch * session.resultSize() * Float.BYTES, 64);
  }

  /** From the images to the result. */
  MemorySegment run() {
    session.run(images, result);
    return result;
  }

  @Override
  public void close() {
    session.close();
    device.close();
    arena.close();
  }
}
