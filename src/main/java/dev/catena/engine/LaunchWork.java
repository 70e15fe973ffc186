package dev.catena.engine;

import dev.catena.device.Launch;
import dev.catena.device.Stream;
import java.util.List;

/** Launches of our own kernels, one after the other. */
public final class LaunchWork implements Work {
  private final Launch[] launches;
  private final Runnable free;

  /** Launches in the order in which they are enqueued, which keep their parameters themselves. */
  public LaunchWork(List<Launch> launches) {
    this(launches, () -> {});
  }

  /**
   * The same of launches that use more than their parameters.
   *
   * @param free gives it back when the work is closed
   */
  public LaunchWork(List<Launch> launches, Runnable free) {
    this.launches = launches.toArray(Launch[]::new);
    this.free = free;
  }

  @Override
  public void enqueue(Stream stream) {
    for (Launch launch : launches) {
      launch.enqueue(stream);
    }
  }

  @Override
  public int launches() {
    return launches.length;
  }

  @Override
  public void close() {
    free.run();
  }
}
