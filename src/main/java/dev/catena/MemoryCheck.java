package dev.catena;

import dev.catena.device.Device;
import dev.catena.error.OutOfDeviceMemoryException;
import java.util.function.IntToLongFunction;

/** Refuses, before any memory is taken, what the device has no memory for. */
final class MemoryCheck {
  private MemoryCheck() {}

  /**
   * Refuses {@code bytes} that are not free.
   *
   * @param batch whose bytes they are
   * @param bytesOf what another batch would take, growing with it
   * @throws OutOfDeviceMemoryException with the largest batch that fits
   */
  static void require(Device device, long bytes, int batch, IntToLongFunction bytesOf) {
    long free = device.freeMemory();
    if (bytes > free) {
      int fits = largest(batch, free, bytesOf);
      String advice = fits == 0 ? "not even a batch of 1 fits" : "a batch of " + fits + " fits";
      throw new OutOfDeviceMemoryException(
          device.name(), bytes, free, device.totalMemory(), advice);
    }
  }

  private static int largest(int tooLarge, long free, IntToLongFunction bytesOf) {
    int fits = 0;
    int tooMany = tooLarge;
    while (tooMany - fits > 1) {
      int batch = (fits + tooMany) >>> 1;
      if (bytesOf.applyAsLong(batch) <= free) {
        fits = batch;
      } else {
        tooMany = batch;
      }
    }
    return fits;
  }
}
