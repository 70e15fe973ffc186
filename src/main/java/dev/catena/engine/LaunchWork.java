package dev.catena.engine;

import dev.catena.device.Launch;
import dev.catena.device.Stream;
import java.util.List;

/** Launches of our own kernels, one after the other. */
public final class LaunchWork implements Work {
  private final Launch[] launches;

  /** Launches in the order in which they are enqueued. */
  public LaunchWork(List<Launch> launches) {
    this.launches = launches.toArray(Launch[]::new);
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

  /** Nothing to free: a launch keeps its parameters as long as it lives. */
  @Override
  public void close() {}
}
