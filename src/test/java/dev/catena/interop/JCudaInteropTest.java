package dev.catena.interop;

import static jcuda.driver.JCudaDriver.cuCtxCreate;
import static jcuda.driver.JCudaDriver.cuCtxDestroy;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoH;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoD;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadData;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.ChildJvm;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.Probe;
import dev.catena.device.Stream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application of JCuda lets Catena work in its context, on its stream, in its memory. */
class JCudaInteropTest {
  @TempDir Path folder;

  /** The example: y = 2x + y by JCuda, then z = x + y by Catena, then z = 3x + z by JCuda. */
  static final class Example {
    private static final int N = 1000;
    private static final long BYTES = (long) N * Float.BYTES;

    private Example() {}

    public static void main(String[] args) throws Exception {
      JCudaDriver.setExceptionsEnabled(true);
      cuInit(0);
      CUdevice gpu = new CUdevice();
      cuDeviceGet(gpu, 0);
      CUcontext context = new CUcontext();
      cuCtxCreate(context, 0, gpu);
      CUstream queue = new CUstream();
      cuStreamCreate(queue, 0);
      CUmodule module = new CUmodule();
      cuModuleLoadData(module, Files.readAllBytes(Path.of(args[0])));
      CUfunction axpy = new CUfunction();
      cuModuleGetFunction(axpy, module, "axpy_plain");

      // One allocation for x and y: y is a pointer with an offset.
      CUdeviceptr x = new CUdeviceptr();
      cuMemAlloc(x, 2 * BYTES);
      CUdeviceptr y = x.withByteOffset(BYTES);
      cuMemcpyHtoD(x, Pointer.to(ramp()), BYTES);
      cuMemcpyHtoD(y, Pointer.to(ramp()), BYTES);

      float[] result = new float[N];
      try (Device device = JCuda.device(context);
          Stream stream = JCuda.stream(device, queue);
          DeviceMemory ourX = JCuda.memory(device, x, BYTES);
          DeviceMemory ourY = JCuda.memory(device, y, BYTES);
          DeviceMemory z = device.allocate(BYTES)) {
        System.out.println("opened " + device.id());
        launch(axpy, queue, x, y, 2);
        addInto(device, stream, z, ourX, ourY);
        launch(axpy, queue, x, JCuda.pointer(z), 3);
        cuStreamSynchronize(queue);
        cuMemcpyDtoH(Pointer.to(result), JCuda.pointer(z), BYTES);
        require(result, 1 + 3 + 3);
        float[] seen = new float[N];
        ourY.download(MemorySegment.ofArray(seen));
        require(seen, 3);
        classify(device);
      }

      // The application's own things have outlived ours.
      launch(axpy, queue, x, y, 1);
      cuStreamSynchronize(queue);
      cuMemcpyDtoH(Pointer.to(result), y, BYTES);
      require(result, 4);
      cuMemFree(x);
      cuStreamDestroy(queue);
      cuCtxDestroy(context);
      System.out.println("all equal");
    }

    private static void launch(
        CUfunction axpy, CUstream queue, CUdeviceptr x, CUdeviceptr y, float a) {
      Pointer parameters =
          Pointer.to(
              Pointer.to(x), Pointer.to(y), Pointer.to(new float[] {a}), Pointer.to(new int[] {N}));
      cuLaunchKernel(axpy, 8, 1, 1, 128, 1, 1, 0, queue, parameters, null);
    }

    /** A kernel of Catena's own: an image of N/8 pixels and 8 channels. */
    private static void addInto(
        Device device, Stream stream, DeviceMemory z, DeviceMemory x, DeviceMemory y) {
      var add =
          new Add(
              new View(z.address(), 8),
              new View(x.address(), 8),
              new View(y.address(), 8),
              N / 8,
              8,
              0);
      device
          .module("add")
          .kernel("add_f32")
          .prepare(Dim.of(Dim.blocks(N / 8, 32)), Dim.of(1, 32), 0, add)
          .enqueue(stream);
    }

    private record View(long data, int pitch) {}

    private record Add(View y, View a, View b, int pixels, int channels, int rectify) {}

    /** A whole model runs in the application's context too. */
    private static void classify(Device device) {
      try (Session session =
          Models.get("densenet-bc-40-12").compile(device, Inference.batch(1).image(16, 16))) {
        float[] logits = new float[10];
        session.run(MemorySegment.ofArray(new float[3 * 16 * 16]), MemorySegment.ofArray(logits));
        for (float logit : logits) {
          if (!Float.isFinite(logit)) {
            throw new AssertionError("logit " + logit);
          }
        }
      }
    }

    private static float[] ramp() {
      float[] values = new float[N];
      for (int i = 0; i < N; i++) {
        values[i] = i;
      }
      return values;
    }

    private static void require(float[] values, int factor) {
      for (int i = 0; i < N; i++) {
        if (values[i] != factor * i) {
          throw new AssertionError("element " + i + " is " + values[i]);
        }
      }
    }
  }

  @Test
  void anApplicationOfJCudaAndCatenaShareContextStreamAndMemory() throws Exception {
    Path image = Files.write(folder.resolve("probe.so"), Probe.image());
    ChildJvm jvm =
        ChildJvm.ofJCuda(folder).with("CATENA_CUHOST", folder.resolve("libcuda.so.1").toString());
    ChildJvm.Result result = jvm.run(Example.class, image.toString());
    assertEquals(0, result.status(), result.said());
    assertEquals("opened host\nall equal\n", result.said());
  }
}
