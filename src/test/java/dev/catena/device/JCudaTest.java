package dev.catena.device;

import static jcuda.driver.JCudaDriver.cuCtxCreate;
import static jcuda.driver.JCudaDriver.cuCtxDestroy;
import static jcuda.driver.JCudaDriver.cuCtxSynchronize;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetAttribute;
import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDeviceGetName;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoH;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoD;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadData;
import static jcuda.driver.JCudaDriver.cuModuleUnload;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.Pointer;
import jcuda.Sizeof;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A program of somebody else, JCuda's natives, finds our host driver under NVIDIA's name and cannot
 * tell the difference.
 */
class JCudaTest {
  @TempDir Path folder;

  /** Queries, copies, launches a kernel and checks what it computed, in JCuda's words alone. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) throws IOException {
      JCudaDriver.setExceptionsEnabled(true);
      cuInit(0);
      int[] count = new int[1];
      cuDeviceGetCount(count);
      CUdevice device = new CUdevice();
      cuDeviceGet(device, 0);
      byte[] name = new byte[256];
      cuDeviceGetName(name, name.length, device);
      int[] processors = new int[1];
      cuDeviceGetAttribute(
          processors, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
      CUcontext context = new CUcontext();
      cuCtxCreate(context, 0, device);
      System.out.printf(
          "%d device, %s, %d%n", count[0], new String(name).split("\0")[0], processors[0]);

      int n = 1000;
      float[] x = Probe.ramp(n);
      CUdeviceptr deviceX = new CUdeviceptr();
      CUdeviceptr deviceY = new CUdeviceptr();
      cuMemAlloc(deviceX, (long) n * Sizeof.FLOAT);
      cuMemAlloc(deviceY, (long) n * Sizeof.FLOAT);
      cuMemcpyHtoD(deviceX, Pointer.to(x), (long) n * Sizeof.FLOAT);
      cuMemcpyHtoD(deviceY, Pointer.to(x), (long) n * Sizeof.FLOAT);

      CUmodule module = new CUmodule();
      cuModuleLoadData(module, Files.readAllBytes(Path.of(args[0])));
      CUfunction axpy = new CUfunction();
      cuModuleGetFunction(axpy, module, "axpy_plain");
      Pointer parameters =
          Pointer.to(
              Pointer.to(deviceX),
              Pointer.to(deviceY),
              Pointer.to(new float[] {2}),
              Pointer.to(new int[] {n}));
      cuLaunchKernel(axpy, 8, 1, 1, 128, 1, 1, 0, null, parameters, null);
      cuCtxSynchronize();

      float[] y = new float[n];
      cuMemcpyDtoH(Pointer.to(y), deviceY, (long) n * Sizeof.FLOAT);
      for (int i = 0; i < n; i++) {
        if (y[i] != 3f * i) {
          throw new AssertionError("y[" + i + "] = " + y[i]);
        }
      }
      cuMemFree(deviceX);
      cuMemFree(deviceY);
      cuModuleUnload(module);
      cuCtxDestroy(context);
      System.out.println("all equal");
    }
  }

  @Test
  void runsOnTheHostDriver() throws Exception {
    Path image = Files.write(folder.resolve("probe.so"), Probe.image());
    ChildJvm.Result result = ChildJvm.ofJCuda(folder).run(Program.class, image.toString());
    assertEquals(0, result.status(), result.said());
    try (Device device = Device.open("host")) {
      assertTrue(
          result
              .said()
              .startsWith("1 device, " + device.name() + ", " + device.multiprocessors() + "\n"),
          result.said());
    }
    assertTrue(result.said().endsWith("all equal\n"), result.said());
  }
}
