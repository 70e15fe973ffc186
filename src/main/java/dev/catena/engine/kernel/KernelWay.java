package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Launch;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Offer;
import dev.catena.engine.Problem;
import java.util.List;
import java.util.function.Function;

/**
 * A way in which our kernels compute a problem: an {@link Offer} before it knows its device.
 *
 * @param name of the kernel
 * @param competes whether it is worth measuring
 * @param workspace bytes of scratch memory
 * @param launches for given addresses
 */
record KernelWay(
    String name, boolean competes, long workspace, Function<KernelCall, List<Launch>> launches) {
  /** The only way, which needs no name. */
  static KernelWay of(long workspace, Function<KernelCall, List<Launch>> launches) {
    return new KernelWay("", true, workspace, launches);
  }

  /** The only way, of one launch without scratch memory. */
  static KernelWay of(Function<KernelCall, Launch> launch) {
    return of(0, call -> List.of(launch.apply(call)));
  }

  Offer offer(Problem problem, Device device) {
    return new Offer(
        name,
        competes,
        workspace,
        binding -> new LaunchWork(launches.apply(new KernelCall(problem, binding, device))));
  }

  /** The same as the engine's own choice. */
  KernelWay preferred(String engine, boolean isCompeting) {
    return new KernelWay(engine, isCompeting, workspace, launches);
  }
}
