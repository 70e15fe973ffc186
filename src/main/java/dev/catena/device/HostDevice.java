package dev.catena.device;

import dev.catena.driver.HostControls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What only devices of our own drivers have: the host, and the interpreter of PTX. The settings
 * hold for all devices of the driver in the process, not for one {@link Device} object.
 */
public final class HostDevice {
  private final HostControls controls;
  private final Device device;

  private HostDevice(Device device, HostControls controls) {
    this.device = device;
    this.controls = controls;
  }

  /**
   * The controls of {@code device}.
   *
   * @throws IllegalArgumentException when it is a GPU
   */
  public static HostDevice of(Device device) {
    return new HostDevice(
        device,
        device
            .controls()
            .orElseThrow(
                () -> new IllegalArgumentException(device.id() + " is not of our own drivers")));
  }

  /** The device. */
  public Device device() {
    return device;
  }

  /** Lets {@code count} threads run kernels; 0 means one for every core. */
  public void setThreads(int count) {
    call(
        () -> {
          int code = (int) controls.cuhostSetThreads().invokeExact(count);
          if (code != 0) {
            throw new IllegalArgumentException(
                "the host cannot run kernels on " + count + " threads");
          }
        });
  }

  /** Lets the device's memory be {@code bytes} bytes, 0 all of the machine's. */
  public void setMemoryLimit(long bytes) {
    call(
        () -> {
          controls.cuhostSetMemoryLimit().invokeExact(bytes);
        });
  }

  /** What says how many threads and how much memory a process has that sets neither. */
  public String limits() {
    return "unless set: threads by " + limitReason(0) + ", memory by " + limitReason(1);
  }

  private String limitReason(int of) {
    try {
      MemorySegment text = (MemorySegment) controls.cuhostLimitReason().invokeExact(of);
      return text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /**
   * Fills shared memory with NaN and orders threads at random, to find kernels that depend on it.
   */
  public void setChecking(boolean on) {
    call(
        () -> {
          controls.cuhostSetChecking().invokeExact(on ? 1 : 0);
        });
  }

  /**
   * Makes a coming launch fail.
   *
   * @param kernel the kernel's name, or null for any
   * @param launches how many matching launches still succeed
   * @param code the {@code CUresult} it fails with
   * @param sticky whether every later driver call fails too
   */
  void injectFault(@Nullable String kernel, int launches, int code, boolean sticky) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = kernel == null ? MemorySegment.NULL : arena.allocateFrom(kernel);
      call(
          () -> {
            controls.cuhostInjectFault().invokeExact(name, launches, code, sticky ? 1 : 0);
          });
    }
  }

  /** Forgets faults; a device opened afterwards is sound again. */
  void clearFaults() {
    call(
        () -> {
          controls.cuhostClearFaults().invokeExact();
        });
  }

  /** Kernels launched by this process. */
  public long launches() {
    try {
      return (long) controls.cuhostLaunchCount().invokeExact();
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  private interface Call {
    void invoke() throws Throwable;
  }

  private static void call(Call call) {
    try {
      call.invoke();
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }
}
