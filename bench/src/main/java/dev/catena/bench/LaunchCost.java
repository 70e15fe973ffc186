package dev.catena.bench;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.ExecutableGraph;
import dev.catena.device.Launch;
import dev.catena.device.Module;
import dev.catena.device.Stream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import jcuda.Pointer;
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

  private record View(long data, int pitch) {}

  private record Add(View y, View a, View b, int pixels, int channels, int rectify) {}

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
    View view = new View(x.address(), CHANNELS);
    Add add = new Add(view, view, view, 1, CHANNELS, 0);
    launch = module.kernel("add_f32").prepare(Dim.of(1), Dim.of(1), 0, add);
    graph = stream.capture(this::enqueueAll);
    parameters = Pointer.to(Pointer.to(bytes(add)));
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

  /** The kernel's one parameter as its struct lies in memory. */
  private static byte[] bytes(Add add) {
    ByteBuffer struct = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    for (View view : List.of(add.y(), add.a(), add.b())) {
      struct.putLong(view.data()).putLong(view.pitch());
    }
    return struct.putInt(add.pixels()).putInt(add.channels()).putInt(add.rectify()).array();
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
