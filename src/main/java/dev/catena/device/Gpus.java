package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The GPUs that this process can use.
 *
 * @param count how many; 0 when {@code whyNone} says why
 */
record Gpus(int count, String whyNone) {

  /** Asks the driver. */
  static Gpus find() {
    if (NativeLibraries.find(NativeLibrary.CUDA) instanceof NativeLibrary.Missing missing) {
      return new Gpus(0, missing.explain());
    }
    CudaDriver cu = CudaDriver.nvidia();
    try (Arena arena = Arena.ofConfined()) {
      int code = (int) cu.cuInit().invokeExact(0);
      if (code != 0) {
        return new Gpus(
            0, "the NVIDIA driver is installed but cuInit says " + Context.errorName(cu, code));
      }
      MemorySegment out = arena.allocate(JAVA_INT);
      code = (int) cu.cuDeviceGetCount().invokeExact(out);
      int count = code == 0 ? out.get(JAVA_INT, 0) : 0;
      if (count == 0) {
        return new Gpus(0, "the NVIDIA driver is installed but sees no GPU");
      }
      return KernelImages.hasPtx()
          ? new Gpus(count, "")
          : new Gpus(
              0,
              "the driver sees %d GPU%s, but this build of Catena has no kernels for GPUs"
                      .formatted(count, count == 1 ? "" : "s")
                  + " (it was built without nvcc); build it where the CUDA toolkit is installed");
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }
}
