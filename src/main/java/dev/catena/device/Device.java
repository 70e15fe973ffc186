package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.HostControls;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceUnavailableException;
import dev.catena.error.DriverTooOldException;
import dev.catena.error.OutOfDeviceMemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * A GPU, or the host in the role of one.
 *
 * <p>Memory comes from the driver's default pool of the device, whose statistics are exact to the
 * pool's granularity; the pool keeps nothing that was freed. A process that also lets other
 * libraries allocate from this pool sees their bytes in {@link #usedMemory}.
 */
public final class Device implements AutoCloseable {
  /** The kind of a device. */
  public enum Kind {
    /** The CPU. */
    HOST,
    /** An NVIDIA GPU, or the interpreter of PTX in the role of one. */
    CUDA
  }

  private static final System.Logger LOG = System.getLogger("dev.catena.device");

  // CUdevice_attribute
  private static final int MULTIPROCESSORS = 16;
  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;

  private static final int STREAM_NON_BLOCKING = 1;

  private final Kind kind;
  private final Context context;
  private final CudaDriver cu;
  private final int ordinal;
  private final String name;
  private final int computeCapability;
  private final int multiprocessors;
  private final long totalMemory;
  private final String driverVersion;
  private final KernelImages images;
  private final Transfers transfers;
  private final DeviceAllocator allocator;
  private final Map<String, Module> modules = new ConcurrentHashMap<>();
  private final LongAdder loadNanos = new LongAdder();

  Device(Kind kind, Context context, int ordinal) {
    this.kind = kind;
    this.cu = context.cu();
    this.ordinal = ordinal;
    this.context = context;
    this.name = queryName();
    this.computeCapability =
        kind == Kind.CUDA ? 10 * attribute(CAPABILITY_MAJOR) + attribute(CAPABILITY_MINOR) : 0;
    this.multiprocessors = attribute(MULTIPROCESSORS);
    this.totalMemory =
        context.longFrom(
            "cuDeviceTotalMem_v2", out -> (int) cu.cuDeviceTotalMem_v2().invokeExact(out, ordinal));
    this.driverVersion = queryDriverVersion();
    this.images = kind == Kind.CUDA ? KernelImages.cuda(computeCapability) : KernelImages.host();
    this.transfers =
        new Transfers(
            context, openStream(Resource.Kind.TRANSFER_STREAM, "transfer stream").handle());
    this.allocator = new DeviceAllocator(context, transfers, ordinal);
  }

  /**
   * GPU 0 if there is one that Catena has kernels for, else the host; the log says which and why.
   */
  public static Device open() {
    return DeviceDiscovery.open();
  }

  /**
   * The device named {@code host}, {@code cuda:N} or {@code ptx:N}.
   *
   * <p>{@code ptx:90} interprets on the CPU the PTX that a GPU of compute capability 9.0 would run,
   * and judges it: see {@link PtxDevice}. It is slow, and never chosen unless it is named.
   *
   * @throws DeviceUnavailableException when it is not there, with what was found and what to do
   * @throws IllegalArgumentException when it is no such name
   */
  public static Device open(String id) {
    return DeviceDiscovery.open(id);
  }

  /**
   * The same device, of whose memory this object hands out no more than {@code limit} bytes at a
   * time. What does not fit is refused as on a device that has no more.
   *
   * @param limit in bytes, at least 1
   */
  public static Device open(String id, long limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("a limit of %d bytes is none".formatted(limit));
    }
    Device device = open(id);
    device.allocator.limit(limit);
    return device;
  }

  /** The names that {@link #open(String)} takes on this machine, the default one first. */
  public static List<String> available() {
    return DeviceDiscovery.available();
  }

  /**
   * A device over a context that another library made and keeps: nothing of it is copied, and
   * closing the device closes only what was opened through it.
   *
   * <p>Close the device before its owner destroys the context. Where our host driver stands in for
   * NVIDIA's in this process (both settings name one file), the device is the host.
   *
   * @param context the driver's {@code CUcontext}, of a driver found under NVIDIA's name
   * @throws DeviceUnavailableException when there is no such driver, or Catena has no kernels for
   *     the GPU
   */
  public static Device adopt(long context) {
    return DeviceDiscovery.adopt(context);
  }

  /** Host or CUDA. */
  public Kind kind() {
    return kind;
  }

  /** {@code host}, {@code cuda:N} or {@code ptx:N}, as {@link #open(String)} takes it. */
  public String id() {
    return context.name();
  }

  /** The driver's number of the device. */
  public int ordinal() {
    return ordinal;
  }

  /** True if it is the interpreter of PTX: a {@link Kind#CUDA} device that is no GPU. */
  public boolean isInterpreted() {
    return kind == Kind.CUDA && controls().isPresent();
  }

  /** The controls of our own drivers; empty on a GPU. */
  Optional<HostControls> controls() {
    return context.controls();
  }

  /** The product's name, for example {@code NVIDIA H200}, or the CPU's. */
  public String name() {
    return name;
  }

  /** Ten times major plus minor, for example 90; 0 on the host. */
  public int computeCapability() {
    return computeCapability;
  }

  /** Multiprocessors of a GPU, or cores of the host. */
  public int multiprocessors() {
    return multiprocessors;
  }

  /** Any {@code CUdevice_attribute} by its number in {@code cuda.h}. */
  public int attribute(int attribute) {
    return intFrom(
        "cuDeviceGetAttribute",
        out -> (int) cu.cuDeviceGetAttribute().invokeExact(out, attribute, ordinal));
  }

  /** The device's identity in 32 hexadecimal digits, the same in every process. */
  public String uuid() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(16);
      context.call(
          "cuDeviceGetUuid_v2", () -> (int) cu.cuDeviceGetUuid_v2().invokeExact(out, ordinal));
      return HexFormat.of().formatHex(out.toArray(JAVA_BYTE));
    }
  }

  /** The CUDA version of the driver, for example {@code 13.0}. */
  public String driverVersion() {
    return driverVersion;
  }

  /** The architectures whose kernels suit this device, best first. */
  public List<String> architectures() {
    return images.folders();
  }

  /** Bytes that the device has. */
  public long totalMemory() {
    return totalMemory;
  }

  /** Bytes that nobody, in this process or another, uses; no more than a limit leaves. */
  public long freeMemory() {
    return allocator.freeBytes();
  }

  /** Bytes in use, as the device's allocator counts them. */
  public long usedMemory() {
    return allocator.usedBytes();
  }

  /** The most bytes that were in use at once since {@link #resetPeakMemory}. */
  public long peakMemory() {
    return allocator.peakBytes();
  }

  /** Begins a new {@link #peakMemory} at what is in use now. */
  public void resetPeakMemory() {
    allocator.resetPeak();
  }

  /** Threads that run kernels: the host's workers; 0 on a GPU. */
  public int threads() {
    if (kind == Kind.CUDA) {
      return 0;
    }
    try (var _ = context.device().use()) {
      return (int) controls().orElseThrow().cuhostGetThreads().invokeExact();
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /**
   * Takes memory; its content is undefined.
   *
   * @param bytes at least 1
   * @throws OutOfDeviceMemoryException when there is not enough
   */
  public DeviceMemory allocate(long bytes) {
    return allocator.allocate(bytes);
  }

  /**
   * Takes page-locked memory of the host, for copies that do not hold up the calling thread.
   *
   * @param bytes at least 1
   */
  public HostMemory allocateHost(long bytes) {
    return allocator.allocateHost(bytes);
  }

  /**
   * Whether {@code memory} is page-locked, by us or by another library: copies to and from it do
   * not hold up the thread.
   */
  public boolean isPageLocked(MemorySegment memory) {
    return allocator.isPageLocked(memory);
  }

  /** Opens a stream that does not wait for the driver's default one. */
  public Stream newStream() {
    try (var _ = context.device().use()) {
      return new Stream(context, openStream(Resource.Kind.STREAM, "stream"));
    }
  }

  /**
   * A stream that another library made and keeps. Closing it neither waits nor destroys.
   *
   * @param handle the driver's {@code CUstream}, of this device's context; 0 is its default stream
   * @throws CudaException when the driver does not know it
   */
  public Stream adoptStream(long handle) {
    try (var _ = context.device().use();
        Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      context.callInside(
          "cuStreamIsCapturing", () -> (int) cu.cuStreamIsCapturing().invokeExact(handle, out));
      return new Stream(context, context.borrow("stream", handle, 0));
    }
  }

  /**
   * Memory that another library took and keeps. Closing it only ends our use of it.
   *
   * @param address a {@code CUdeviceptr} of this device
   * @param bytes of it that may be used, at least 1
   */
  public DeviceMemory adoptMemory(long address, long bytes) {
    return allocator.adopt(address, bytes);
  }

  /** Opens an event that takes times. */
  public Event newEvent() {
    try (var _ = context.device().use()) {
      long event =
          context.longFrom("cuEventCreate", out -> (int) cu.cuEventCreate().invokeExact(out, 0));
      return new Event(
          context,
          context.open(
              Resource.Kind.EVENT,
              "event",
              event,
              0,
              "cuEventDestroy_v2",
              () -> (int) cu.cuEventDestroy_v2().invokeExact(event)));
    }
  }

  /**
   * The kernel file {@code file} in the form that suits this device best, loaded once.
   *
   * @param file without folder and ending, for example {@code bn_relu}
   * @throws DeviceException when this build has no such file
   * @throws DriverTooOldException when the driver does not know the file's PTX version
   */
  public Module module(String file) {
    try (var _ = context.device().use()) {
      return modules.computeIfAbsent(file, this::loadBest);
    }
  }

  /** Takes another image for a kernel file from now on; for tests of what is seen of errors. */
  void replace(String file, KernelImages.Image image) {
    modules.put(file, load(file, image));
  }

  /** From machine code, if there is some and the driver takes it. */
  private Module loadBest(String file) {
    Optional<KernelImages.Image> cubin = isInterpreted() ? Optional.empty() : images.cubin(file);
    if (cubin.isPresent()) {
      try {
        return load(file, cubin.get());
      } catch (CudaException e) {
        if (e.sticky()) {
          throw e;
        }
        String refused = cubin.get().resource() + " was refused; its PTX is compiled instead: " + e;
        LOG.log(System.Logger.Level.WARNING, refused);
      }
    }
    return load(file, images.find(file, id()));
  }

  /** Loads an image that is not one of Catena's own. */
  Module load(String file, KernelImages.Image image) {
    long start = System.nanoTime();
    try (var _ = context.device().use()) {
      return Module.load(context, file, image, driverVersion);
    } finally {
      loadNanos.add(System.nanoTime() - start);
    }
  }

  /** Milliseconds spent so far on loading kernel files: on a GPU, on compiling their PTX. */
  public double kernelMillis() {
    return loadNanos.sum() / 1e6;
  }

  /** Makes the device's context current on this thread, for libraries that expect it there. */
  public void makeCurrent() {
    context.call("cuCtxSetCurrent", () -> 0);
  }

  /** One line: which device this is. */
  public String describe() {
    String memory = "%.1f GiB".formatted(totalMemory / (double) (1L << 30));
    return kind == Kind.HOST
        ? "host: %s (%s, %d threads, %s)"
            .formatted(name, images.folders().getFirst().replace("host-", ""), threads(), memory)
        : "%s: %s (compute capability %d.%d, %d multiprocessors, %s, driver for CUDA %s)"
            .formatted(
                id(),
                name,
                computeCapability / 10,
                computeCapability % 10,
                multiprocessors,
                memory,
                driverVersion);
  }

  /**
   * Closes everything that is still open on the device, waiting for its work, then the device.
   * Memory that was left open is logged.
   */
  @Override
  public void close() {
    context.device().close();
  }

  private Resource openStream(Resource.Kind kind, String noun) {
    long stream =
        context.longFrom(
            "cuStreamCreate",
            out -> (int) cu.cuStreamCreate().invokeExact(out, STREAM_NON_BLOCKING));
    return context.open(
        kind,
        noun,
        stream,
        0,
        "cuStreamDestroy_v2",
        () -> {
          int code = (int) cu.cuStreamSynchronize().invokeExact(stream);
          int destroyed = (int) cu.cuStreamDestroy_v2().invokeExact(stream);
          return code != 0 ? code : destroyed;
        });
  }

  private String queryName() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(256);
      context.callInside(
          "cuDeviceGetName",
          () -> (int) cu.cuDeviceGetName().invokeExact(out, (int) out.byteSize(), ordinal));
      return out.getString(0);
    }
  }

  private String queryDriverVersion() {
    int version =
        intFrom("cuDriverGetVersion", out -> (int) cu.cuDriverGetVersion().invokeExact(out));
    return version / 1000 + "." + version % 1000 / 10;
  }

  private int intFrom(String function, Context.PointerCall call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      context.call(function, () -> call.invoke(out));
      return out.get(JAVA_INT, 0);
    }
  }

  @Override
  public String toString() {
    return describe();
  }
}
