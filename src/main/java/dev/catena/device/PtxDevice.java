package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.HostControls;
import dev.catena.driver.InterpreterControls;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.DeviceUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What only the interpreter of PTX has. It runs the kernels of this build's jar, as a GPU of one
 * compute capability would get them, on the CPU, and refuses what a GPU refuses. Its judge finds
 * what a GPU lets pass: races, and reads of memory that was never written. The settings hold for
 * the process; one compute capability is open at a time.
 */
public final class PtxDevice {
  private static final String REPORT = "/dev/catena/kernels/ptxas-report.txt";

  // CUdevice_attribute
  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;

  private static volatile boolean opened;

  private final InterpreterControls controls = InterpreterControls.get();

  private PtxDevice() {}

  /**
   * The controls of {@code device}.
   *
   * @throws IllegalArgumentException when it is another device
   */
  public static PtxDevice of(Device device) {
    if (!device.isInterpreted()) {
      throw new IllegalArgumentException(device.id() + " does not interpret PTX");
    }
    return new PtxDevice();
  }

  static Device open(int capability) {
    String id = "ptx:" + capability;
    if (NativeLibraries.find(NativeLibrary.CUPTX) instanceof NativeLibrary.Missing missing) {
      throw new DeviceUnavailableException(id + " is not available: " + missing.explain());
    }
    if (!KernelImages.hasPtx()) {
      throw new DeviceUnavailableException(
          id
              + " is not available: this build of Catena has no kernels for GPUs"
              + " (it was built without nvcc); build it where the CUDA toolkit is installed");
    }
    CudaDriver cu = CudaDriver.interpreter();
    try {
      DeviceDiscovery.requireSuccess(cu, id, "cuInit", (int) cu.cuInit().invokeExact(0));
      List<Integer> known = capabilities(cu);
      if (!known.contains(capability)) {
        throw new DeviceUnavailableException(
            id + " is not available: the interpreter has the compute capabilities " + known);
      }
      tellRegisters();
      opened = true;
      return DeviceDiscovery.retain(
          cu,
          Optional.of(HostControls.interpreter()),
          Device.Kind.CUDA,
          known.indexOf(capability),
          id);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** Ten times major plus minor, by the driver's number. */
  private static List<Integer> capabilities(CudaDriver cu) throws Throwable {
    List<Integer> capabilities = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_INT);
      MemorySegment major = arena.allocate(JAVA_INT);
      MemorySegment minor = arena.allocate(JAVA_INT);
      int code = (int) cu.cuDeviceGetCount().invokeExact(count);
      for (int i = 0; code == 0 && i < count.get(JAVA_INT, 0); i++) {
        code = (int) cu.cuDeviceGetAttribute().invokeExact(major, CAPABILITY_MAJOR, i);
        code |= (int) cu.cuDeviceGetAttribute().invokeExact(minor, CAPABILITY_MINOR, i);
        capabilities.add(10 * major.get(JAVA_INT, 0) + minor.get(JAVA_INT, 0));
      }
      DeviceDiscovery.requireSuccess(cu, "ptx", "cuDeviceGetAttribute", code);
    }
    return capabilities;
  }

  /** The counts of ptxas from the build, if it had ptxas. */
  private static void tellRegisters() throws Throwable {
    try (InputStream in = PtxDevice.class.getResourceAsStream(REPORT);
        Arena arena = Arena.ofConfined()) {
      if (in != null) {
        String report = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        InterpreterControls.get().cuptxSetRegisters().invokeExact(arena.allocateFrom(report));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + REPORT, e);
    }
  }

  /**
   * Turns the judge on, as it is at the start, or off. It judges memory that is allocated and
   * kernels that are launched afterwards.
   */
  public void setJudge(boolean on) {
    try {
      controls.cuptxSetJudge().invokeExact(on ? 1 : 0);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** Lets the judge take {@code bytes} of device memory for never written. */
  public void forget(long address, long bytes) {
    try {
      controls.cuptxForget().invokeExact(address, bytes);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** {@link #takeFindings} of the process; empty if no interpreting device was opened in it. */
  public static List<String> takeAllFindings() {
    return opened ? new PtxDevice().takeFindings() : List.of();
  }

  /**
   * What the judge found and nobody has taken yet, oldest first: one line each, with the kernel,
   * the lines of the PTX and of the .cu file, and the threads. Of an instruction the same is found
   * once.
   */
  public List<String> takeFindings() {
    List<String> findings = new ArrayList<>();
    try {
      while (true) {
        MemorySegment text = (MemorySegment) controls.cuptxTakeFinding().invokeExact();
        if (text.address() == 0) {
          return findings;
        }
        findings.add(text.reinterpret(Long.MAX_VALUE).getString(0));
      }
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }
}
