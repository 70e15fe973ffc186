package dev.catena.bench;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.ExecutableGraph;
import dev.catena.device.Launch;
import dev.catena.device.Module;
import dev.catena.device.Stream;
import dev.catena.interop.JCuda;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One launch of a kernel that adds eight numbers, on average of a hundred and the wait for them: by
 * our handles, by JCuda's JNI in the same context, and replayed from a captured graph.
 */
public class LaunchCost extends Measured {
  private static final int LAUNCHES = 100;
  private static final int CHANNELS = 8;

  private final CUfunction function = new CUfunction();
  private Pointer parameters;
  private SharedDevice shared;
  private Stream stream;
  private CUstream queue;
  private Launch launch;
  private ExecutableGraph graph;

  /** JCuda opens the device, and Catena shares it. */
  @Setup
  public void open() throws IOException {
    shared = new SharedDevice();
    stream = shared.stream();
    queue = shared.queue();
    Device device = shared.device();
    DeviceMemory x = device.allocate(CHANNELS * Float.BYTES);
    Module module = device.module("add");
    int[] sizes = {1, CHANNELS, CHANNELS, CHANNELS, CHANNELS, 0};
    Object[] arguments = new Object[3 + sizes.length];
    Arrays.fill(arguments, x);
    for (int i = 0; i < sizes.length; i++) {
      arguments[3 + i] = sizes[i];
    }
    launch = module.kernel("add_f32").prepare(Dim.of(1), Dim.of(1), 0, arguments);
    graph = stream.capture(this::enqueueAll);
    parameters = parameters(JCuda.pointer(x), sizes);
    CUmodule theirs = new CUmodule();
    JCudaDriver.cuModuleLoadData(theirs, image(module));
    JCudaDriver.cuModuleGetFunction(function, theirs, "add_f32");
    DeviceTime.of("byPanama", () -> shared.millis(this::enqueueAll));
    DeviceTime.of("byJni", () -> shared.millis(this::launchAll));
    DeviceTime.of("byGraphReplay", () -> shared.millis(() -> graph.launch(stream)));
  }

  /** PTX ends with a zero byte, which the driver does not mind elsewhere. */
  private static byte[] image(Module module) throws IOException {
    try (InputStream image = Module.class.getResourceAsStream(module.resource())) {
      byte[] bytes = image.readAllBytes();
      return Arrays.copyOf(bytes, bytes.length + 1);
    }
  }

  private static Pointer parameters(CUdeviceptr x, int[] sizes) {
    Pointer[] parameters = new Pointer[3 + sizes.length];
    Arrays.fill(parameters, Pointer.to(x));
    for (int i = 0; i < sizes.length; i++) {
      parameters[3 + i] = Pointer.to(new int[] {sizes[i]});
    }
    return Pointer.to(parameters);
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    shared.close();
  }

  /** Ours, prepared once. */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public void byPanama() {
    enqueueAll();
    stream.synchronize();
  }

  /** JCuda's. */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public void byJni() {
    launchAll();
    JCudaDriver.cuStreamSynchronize(queue);
  }

  /** One call for all of them. */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public void byGraphReplay() {
    graph.launch(stream);
    stream.synchronize();
  }

  private void launchAll() {
    for (int i = 0; i < LAUNCHES; i++) {
      JCudaDriver.cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, queue, parameters, null);
    }
  }

  private void enqueueAll() {
    for (int i = 0; i < LAUNCHES; i++) {
      launch.enqueue(stream);
    }
  }
}
