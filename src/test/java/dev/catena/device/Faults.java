package dev.catena.device;

/** Makes launches of a device of our own drivers fail, in all devices of the process. */
public final class Faults {
  private Faults() {}

  /**
   * Makes a coming launch fail.
   *
   * @param kernel the kernel's name, or null for any
   * @param launches how many matching launches still succeed
   * @param code the {@code CUresult} it fails with
   * @param sticky whether every later driver call fails too
   */
  public static void inject(Device device, String kernel, int launches, int code, boolean sticky) {
    HostDevice.of(device).injectFault(kernel, launches, code, sticky);
  }

  /** Forgets faults; a device opened afterwards is sound again. */
  public static void clear(Device device) {
    HostDevice.of(device).clearFaults();
  }
}
