package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.HostControls;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceUnavailableException;
import dev.catena.error.DriverTooOldException;
import dev.catena.error.OutOfDeviceMemoryException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GPU, or the host in the role of one.
 *
 * <p>Memory comes from the driver's default pool of the device, whose statistics are exact to the
 * pool's granularity; the pool keeps nothing that was freed. A process that also lets other
 * libraries allocate from this pool sees their bytes in {@link #usedMemory}.
 */
public final class Device implements AutoCloseable {
  /** What a device is. */
  public enum Kind {
    /** The CPU. */
    HOST,
    /** An NVIDIA GPU, or the interpreter of PTX in the role of one. */
    CUDA
  }

  private static final System.Logger LOG = System.getLogger("dev.catena.device");
  private static final Pattern CUDA_NAME = Pattern.compile("cuda:(\\d{1,3})");
  private static final Pattern PTX_NAME = Pattern.compile("ptx:(\\d{2,3})");
  private static final int OLDEST_CAPABILITY = 75;

  // CUdevice_attribute
  private static final int MAX_SHARED_BYTES = 97;
  private static final int MULTIPROCESSORS = 16;
  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;

  // CUmemPool_attribute
  private static final int USED_BYTES = 7;
  private static final int MOST_USED_BYTES = 8;

  private static final int STREAM_NON_BLOCKING = 1;

  // CUpointer_attribute, CUmemorytype
  private static final int POINTER_MEMORY_TYPE = 2;
  private static final int MEMORY_OF_HOST = 1;

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
  private final long pool;
  private final Map<String, Module> modules = new ConcurrentHashMap<>();
  private final LongAdder loadNanos = new LongAdder();

  private Device(Kind kind, Context context, int ordinal) {
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
    this.pool =
        context.longFrom(
            "cuDeviceGetDefaultMemPool",
            out -> (int) cu.cuDeviceGetDefaultMemPool().invokeExact(out, ordinal));
    this.transfers =
        new Transfers(
            context, openStream(Resource.Kind.TRANSFER_STREAM, "transfer stream").handle());
  }

  /**
   * GPU 0 if there is one that Catena has kernels for, else the host; the log says which and why.
   */
  public static Device open() {
    Gpus gpus = Gpus.find();
    Device device = gpus.count() > 0 ? openCuda(0) : openHost();
    LOG.log(
        System.Logger.Level.INFO,
        () ->
            "Catena runs on "
                + device.describe()
                + (gpus.count() > 0 ? "" : "; no GPU: " + gpus.whyNone()));
    return device;
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
    Matcher cuda = CUDA_NAME.matcher(id);
    Matcher ptx = PTX_NAME.matcher(id);
    Device device;
    if (id.equals("host")) {
      device = openHost();
    } else if (cuda.matches()) {
      device = openNamedGpu(Integer.parseInt(cuda.group(1)));
    } else if (ptx.matches()) {
      device = PtxDevice.open(Integer.parseInt(ptx.group(1)));
    } else {
      throw new IllegalArgumentException(
          "a device is named \"host\", \"cuda:N\" or \"ptx:N\", not \"" + id + "\"");
    }
    LOG.log(System.Logger.Level.DEBUG, () -> "opened " + device.describe());
    return device;
  }

  /** The names that {@link #open(String)} takes on this machine, the default one first. */
  public static List<String> available() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < Gpus.find().count(); i++) {
      names.add("cuda:" + i);
    }
    if (NativeLibraries.find(NativeLibrary.CUHOST) instanceof NativeLibrary.Found) {
      names.add("host");
    }
    return List.copyOf(names);
  }

  private static Device openNamedGpu(int ordinal) {
    Gpus gpus = Gpus.find();
    if (gpus.count() == 0) {
      throw new DeviceUnavailableException(
          "cuda:"
              + ordinal
              + " is not available: "
              + gpus.whyNone()
              + "; to run on the CPU instead, open \"host\"");
    }
    if (ordinal >= gpus.count()) {
      String last = gpus.count() == 1 ? "" : " to cuda:" + (gpus.count() - 1);
      throw new DeviceUnavailableException(
          "cuda:%d is not available: the driver sees cuda:0%s; open that or \"host\""
              .formatted(ordinal, last));
    }
    return openCuda(ordinal);
  }

  private static Device openHost() {
    if (NativeLibraries.find(NativeLibrary.CUHOST) instanceof NativeLibrary.Missing missing) {
      throw new DeviceUnavailableException(
          "the host device is not available: " + missing.explain());
    }
    Device host = retain(CudaDriver.host(), Optional.of(HostControls.host()), Kind.HOST, 0, "host");
    try {
      HostThreads.apply(host);
      return host;
    } catch (RuntimeException e) {
      host.close();
      throw e;
    }
  }

  private static Device openCuda(int ordinal) {
    return requireNewEnough(
        retain(CudaDriver.nvidia(), Optional.empty(), Kind.CUDA, ordinal, "cuda:" + ordinal));
  }

  private static Device requireNewEnough(Device device) {
    if (device.computeCapability < OLDEST_CAPABILITY) {
      String found = device.describe();
      device.close();
      throw new DeviceUnavailableException(
          found
              + " is too old: Catena's kernels need compute capability 7.5 or newer;"
              + " open another GPU or \"host\"");
    }
    return device;
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
    if (context == 0) {
      throw new IllegalArgumentException("the context is null");
    }
    if (NativeLibraries.find(NativeLibrary.CUDA) instanceof NativeLibrary.Missing missing) {
      throw new DeviceUnavailableException("the context has no driver: " + missing.explain());
    }
    if (hostStandsIn()) {
      return over(context, Kind.HOST, CudaDriver.host());
    }
    Gpus gpus = Gpus.find();
    if (gpus.count() == 0) {
      throw new DeviceUnavailableException("the context cannot be used: " + gpus.whyNone());
    }
    return requireNewEnough(over(context, Kind.CUDA, CudaDriver.nvidia()));
  }

  /** Whether one file is both drivers: then a context of the one belongs to the other. */
  private static boolean hostStandsIn() {
    try {
      return NativeLibraries.find(NativeLibrary.CUDA) instanceof NativeLibrary.Found cuda
          && NativeLibraries.find(NativeLibrary.CUHOST) instanceof NativeLibrary.Found host
          && Files.isSameFile(cuda.path(), host.path());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Device over(long handle, Kind kind, CudaDriver cu) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      String what = "the context";
      requireSuccess(cu, what, "cuCtxSetCurrent", (int) cu.cuCtxSetCurrent().invokeExact(handle));
      requireSuccess(cu, what, "cuCtxGetDevice", (int) cu.cuCtxGetDevice().invokeExact(out));
      int ordinal = out.get(JAVA_INT, 0);
      String id = kind == Kind.HOST ? "host" : "cuda:" + ordinal;
      Optional<HostControls> controls =
          kind == Kind.HOST ? Optional.of(HostControls.host()) : Optional.empty();
      return watched(
          kind, new Context(cu, controls, id, handle, "cuCtxGetDevice", () -> 0), ordinal);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  static Device retain(
      CudaDriver cu, Optional<HostControls> controls, Kind kind, int ordinal, String id) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      requireSuccess(cu, id, "cuInit", (int) cu.cuInit().invokeExact(0));
      int code = (int) cu.cuDevicePrimaryCtxRetain().invokeExact(out, ordinal);
      requireSuccess(cu, id, "cuDevicePrimaryCtxRetain", code);
      Context context =
          new Context(
              cu,
              controls,
              id,
              out.get(JAVA_LONG, 0),
              "cuDevicePrimaryCtxRelease_v2",
              () -> (int) cu.cuDevicePrimaryCtxRelease_v2().invokeExact(ordinal));
      return watched(kind, context, ordinal);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  private static Device watched(Kind kind, Context context, int ordinal) {
    try {
      Device device = new Device(kind, context, ordinal);
      context.device().watch(device);
      return device;
    } catch (Throwable e) {
      context.device().close();
      throw e;
    }
  }

  static void requireSuccess(CudaDriver cu, String id, String function, int code) {
    if (code != 0) {
      throw new DeviceUnavailableException(
          "%s is not available: %s failed with %s (%d)"
              .formatted(id, function, Context.errorName(cu, code), code));
    }
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

  /** Whether it is the interpreter of PTX: a {@link Kind#CUDA} device that is no GPU. */
  public boolean isInterpreted() {
    return kind == Kind.CUDA && controls().isPresent();
  }

  /** What our own drivers have; empty on a GPU. */
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

  /** The most dynamic shared memory of a block in bytes, when a kernel asks for it. */
  public int maxSharedBytes() {
    return attribute(MAX_SHARED_BYTES);
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

  /** Bytes that nobody, in this process or another, uses. */
  public long freeMemory() {
    context.device().enter();
    try {
      return context.memoryInfo()[0];
    } finally {
      context.device().exit();
    }
  }

  /** Bytes in use, as the device's allocator counts them. */
  public long usedMemory() {
    return poolStatistic(USED_BYTES);
  }

  /** The most bytes that were in use at once since {@link #resetPeakMemory}. */
  public long peakMemory() {
    return poolStatistic(MOST_USED_BYTES);
  }

  /** Begins a new {@link #peakMemory} at what is in use now. */
  public void resetPeakMemory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment zero = arena.allocate(JAVA_LONG);
      context.call(
          "cuMemPoolSetAttribute",
          () -> (int) cu.cuMemPoolSetAttribute().invokeExact(pool, MOST_USED_BYTES, zero));
    }
  }

  /** Threads that run kernels: the host's workers; 0 on a GPU. */
  public int threads() {
    if (kind == Kind.CUDA) {
      return 0;
    }
    context.device().enter();
    try {
      return (int) controls().orElseThrow().cuhostGetThreads().invokeExact();
    } catch (Throwable e) {
      throw Context.unchecked(e);
    } finally {
      context.device().exit();
    }
  }

  /**
   * Takes memory; its content is undefined.
   *
   * @param bytes at least 1
   * @throws OutOfDeviceMemoryException when there is not enough
   */
  public DeviceMemory allocate(long bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive: " + bytes);
    }
    AllocationEvent event = new AllocationEvent();
    event.begin();
    context.device().enter();
    try (Arena arena = Arena.ofConfined()) {
      long stream = transfers.stream();
      MemorySegment out = arena.allocate(JAVA_LONG);
      context.checkAllocation(
          context.status(() -> (int) cu.cuMemAllocAsync().invokeExact(out, bytes, stream)),
          "cuMemAllocAsync",
          bytes);
      long address = out.get(JAVA_LONG, 0);
      context.checkAllocation(
          context.status(() -> (int) cu.cuStreamSynchronize().invokeExact(stream)),
          "cuStreamSynchronize",
          bytes);
      event.succeeded = true;
      return new DeviceMemory(
          transfers,
          context.open(
              Resource.Kind.MEMORY,
              "memory",
              address,
              bytes,
              "cuMemFree_v2",
              () -> {
                int code = (int) cu.cuMemFree_v2().invokeExact(address);
                return code != 0 ? code : (int) cu.cuStreamSynchronize().invokeExact(stream);
              }));
    } finally {
      context.device().exit();
      event.commit(id(), bytes);
    }
  }

  /**
   * Takes page-locked memory of the host, for copies that do not hold up the calling thread.
   *
   * @param bytes at least 1
   */
  public HostMemory allocateHost(long bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive: " + bytes);
    }
    context.device().enter();
    try {
      long address =
          context.longFrom(
              "cuMemAllocHost_v2", out -> (int) cu.cuMemAllocHost_v2().invokeExact(out, bytes));
      return new HostMemory(
          context.open(
              Resource.Kind.HOST_MEMORY,
              "host memory",
              address,
              bytes,
              "cuMemFreeHost",
              () -> (int) cu.cuMemFreeHost().invokeExact(address)),
          address);
    } finally {
      context.device().exit();
    }
  }

  /**
   * Whether {@code memory} is page-locked, by us or by another library: copies to and from it do
   * not hold up the thread.
   */
  public boolean isPageLocked(MemorySegment memory) {
    long address = memory.address();
    context.device().enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      int code =
          context.status(
              () ->
                  (int) cu.cuPointerGetAttribute().invokeExact(out, POINTER_MEMORY_TYPE, address));
      return code == 0 && memory.isNative() && out.get(JAVA_INT, 0) == MEMORY_OF_HOST;
    } finally {
      context.device().exit();
    }
  }

  /** Opens a stream that does not wait for the driver's default one. */
  public Stream newStream() {
    context.device().enter();
    try {
      return new Stream(context, openStream(Resource.Kind.STREAM, "stream"));
    } finally {
      context.device().exit();
    }
  }

  /**
   * A stream that another library made and keeps. Closing it neither waits nor destroys.
   *
   * @param handle the driver's {@code CUstream}, of this device's context; 0 is its default stream
   * @throws CudaException when the driver does not know it
   */
  public Stream adoptStream(long handle) {
    context.device().enter();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      context.callInside(
          "cuStreamIsCapturing", () -> (int) cu.cuStreamIsCapturing().invokeExact(handle, out));
      return new Stream(context, context.borrow("stream", handle, 0));
    } finally {
      context.device().exit();
    }
  }

  /**
   * Memory that another library took and keeps. Closing it only ends our use of it.
   *
   * @param address a {@code CUdeviceptr} of this device
   * @param bytes of it that may be used, at least 1
   */
  public DeviceMemory adoptMemory(long address, long bytes) {
    if (address == 0 || bytes < 1) {
      throw new IllegalArgumentException(
          "%d bytes at address 0x%x are no memory".formatted(bytes, address));
    }
    context.device().enter();
    try {
      return new DeviceMemory(transfers, context.borrow("memory", address, bytes));
    } finally {
      context.device().exit();
    }
  }

  /** Opens an event that takes times. */
  public Event newEvent() {
    context.device().enter();
    try {
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
    } finally {
      context.device().exit();
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
    context.device().enter();
    try {
      return modules.computeIfAbsent(file, this::loadBest);
    } finally {
      context.device().exit();
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
    context.device().enter();
    long start = System.nanoTime();
    try {
      return Module.load(context, file, image, driverVersion);
    } finally {
      loadNanos.add(System.nanoTime() - start);
      context.device().exit();
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

  private long poolStatistic(int attribute) {
    context.device().enter();
    try {
      return context.longFrom(
          "cuMemPoolGetAttribute",
          out -> (int) cu.cuMemPoolGetAttribute().invokeExact(pool, attribute, out));
    } finally {
      context.device().exit();
    }
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
