package dev.catena.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.HostControls;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceLostException;
import dev.catena.error.MissingNativeException;
import dev.catena.error.OutOfDeviceMemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A device's context: every driver call of a device goes through here, on a thread where the
 * context is current, and is checked.
 *
 * <p>The context is made current before every call instead of remembering it by thread: it costs a
 * few nanoseconds, other users of the driver in this process may change it behind our back, and
 * virtual threads change the thread under theirs. It stays current afterwards.
 */
final class Context {
  private static final System.Logger LOG = System.getLogger("dev.catena.device");
  private static final int SUCCESS = 0;
  private static final int OUT_OF_MEMORY = 2;

  /** A driver call, returning its {@code CUresult}. */
  @FunctionalInterface
  interface Call {
    int invoke() throws Throwable;
  }

  private final CudaDriver cu;
  private final Optional<HostControls> controls;
  private final String name;
  private final MethodHandle setCurrent;
  private final long handle;
  private final Set<Resource> live = ConcurrentHashMap.newKeySet();
  private final AtomicLong serial = new AtomicLong();
  private final Resource device;
  private volatile CudaException first;

  /**
   * The context {@code handle}.
   *
   * @param controls of the driver, where it is one of our own
   * @param function gives it back, when everything of it is closed
   */
  Context(
      CudaDriver cu,
      Optional<HostControls> controls,
      String name,
      long handle,
      String function,
      Call giveBack) {
    this.cu = cu;
    this.controls = controls;
    this.name = name;
    this.setCurrent = cu.cuCtxSetCurrent();
    this.handle = handle;
    this.device =
        new Resource(
            Resource.Kind.DEVICE,
            "device " + name,
            handle,
            0,
            () -> closeAll(() -> release(function, giveBack)));
  }

  CudaDriver cu() {
    return cu;
  }

  /** {@code host}, {@code cuda:<ordinal>} or {@code ptx:<capability>}. */
  String name() {
    return name;
  }

  /** The life of the device itself. */
  Resource device() {
    return device;
  }

  /**
   * Counts a new native object among the open ones; the caller is inside the device's or a stream's
   * {@link Resource#enter}.
   */
  Resource open(
      Resource.Kind kind, String noun, long handle, long bytes, String function, Call destroy) {
    Resource[] self = new Resource[1];
    self[0] =
        new Resource(
            kind,
            noun + " " + serial.incrementAndGet() + " of " + name,
            handle,
            bytes,
            () -> {
              try {
                if (destroy != null) {
                  release(function, destroy);
                }
              } finally {
                live.remove(self[0]); // not before: a closing device waits for what it sees
              }
            });
    live.add(self[0]);
    return self[0];
  }

  /**
   * Counts a native object that somebody else owns among the open ones, so that it is not used
   * after the device; the driver is never asked to destroy it.
   */
  Resource borrow(String noun, long handle, long bytes) {
    return open(Resource.Kind.BORROWED, "borrowed " + noun, handle, bytes, "", null);
  }

  /** A checked call while the device is open. */
  void call(String function, Call call) {
    try (var _ = device.use()) {
      callInside(function, call);
    }
  }

  /** A checked call of a caller that holds an object of this device open. */
  void callInside(String function, Call call) {
    check(function, status(call));
  }

  /** The code of a call that may say something other than success or failure. */
  int status(Call call) {
    try {
      int current = makeCurrent();
      return current == SUCCESS ? call.invoke() : current;
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  /** Makes the context current on this thread; throws when the device is lost. */
  int makeCurrent() throws Throwable {
    CudaException lost = first;
    if (lost != null) {
      throw new DeviceLostException(name, lost);
    }
    return (int) setCurrent.invokeExact(handle);
  }

  /** A call whose first argument is a place for a {@code long} that it returns. */
  long longFrom(String function, PointerCall call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      callInside(function, () -> call.invoke(out));
      return out.get(JAVA_LONG, 0);
    }
  }

  /** A driver call with a place for its result. */
  @FunctionalInterface
  interface PointerCall {
    int invoke(MemorySegment out) throws Throwable;
  }

  /** Throws when {@code code} is an error. */
  void check(String function, int code) {
    if (code != SUCCESS) {
      throw failure(function, code);
    }
  }

  /** The exception for an error code; a sticky one loses the device. */
  CudaException failure(String function, int code) {
    boolean sticky = sticky(code);
    CudaException failure =
        new CudaException(
            function, code, errorName(cu, code), sticky, " on " + name + errorText(code));
    if (sticky && isFirst(failure)) {
      DeviceLossEvent.commit(name, failure);
    }
    return failure;
  }

  /** Remembers {@code failure} as what lost the device, unless it was lost before. */
  private synchronized boolean isFirst(CudaException failure) {
    boolean isFirst = first == null;
    first = isFirst ? failure : first;
    return isFirst;
  }

  /** An allocation's check: running out has an exception of its own. */
  void checkAllocation(int code, String function, long bytes) {
    if (code == OUT_OF_MEMORY) {
      long[] info = memoryInfo();
      String advice =
          bytes <= info[0]
              ? "that much is free, but the system gives no piece of it: look for a limit of"
                  + " address space (ulimit -v), overcommit, or memory in small pieces"
              : "";
      throw new OutOfDeviceMemoryException(name, bytes, info[0], info[1], advice);
    }
    check(function, code);
  }

  /** Free and total bytes, as the driver says. */
  long[] memoryInfo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG, 2);
      callInside(
          "cuMemGetInfo_v2",
          () ->
              (int)
                  cu.cuMemGetInfo_v2()
                      .invokeExact(out, out.asSlice(JAVA_LONG.byteSize(), JAVA_LONG.byteSize())));
      return new long[] {out.getAtIndex(JAVA_LONG, 0), out.getAtIndex(JAVA_LONG, 1)};
    }
  }

  /**
   * Closes what was left open, then gives the context back; throws the first failure at the end.
   */
  private void closeAll(Runnable giveBack) {
    List<Resource> memory =
        live.stream().filter(open -> open.kind() == Resource.Kind.MEMORY).toList();
    if (!memory.isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "device %s closes with %d allocations (%,d bytes) still open; they are freed"
              .formatted(name, memory.size(), memory.stream().mapToLong(Resource::bytes).sum()));
    }
    RuntimeException failure = null;
    for (Resource open : live.stream().sorted(Comparator.comparing(Resource::kind)).toList()) {
      failure = merge(failure, open::close);
    }
    failure = merge(failure, giveBack);
    if (failure != null) {
      throw failure;
    }
  }

  private static RuntimeException merge(RuntimeException failure, Runnable step) {
    try {
      step.run();
      return failure;
    } catch (RuntimeException e) {
      if (failure == null) {
        return e;
      }
      failure.addSuppressed(e);
      return failure;
    }
  }

  /** A call that gives something back; of a lost device the driver may refuse it. */
  private void release(String function, Call call) {
    try {
      boolean lost = first != null;
      int current = (int) setCurrent.invokeExact(handle);
      int code = current == SUCCESS || lost ? call.invoke() : current;
      if (!lost) {
        check(function, code);
      }
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  /** What an invocation may throw, without the {@code throws} clause. */
  static RuntimeException unchecked(Throwable e) {
    return switch (e) {
      case MissingNativeException missing -> new DeviceException(missing.getMessage(), missing);
      case RuntimeException runtime -> runtime;
      case Error error -> throw error;
      default -> throw new AssertionError("a driver call threw", e);
    };
  }

  /** The name of a code, for example {@code CUDA_ERROR_NO_DEVICE}. */
  static String errorName(CudaDriver cu, int code) {
    return text(cu.cuGetErrorName(), code, "CUDA_ERROR_" + code);
  }

  /** What the driver says of a code and, on the host, what the kernel did. */
  private String errorText(int code) {
    String text = text(cu.cuGetErrorString(), code, "");
    String fault = sticky(code) ? controls.map(Context::lastFault).orElse("") : "";
    return (text.isEmpty() ? "" : ": " + text) + (fault.isEmpty() ? "" : " (" + fault + ")");
  }

  /** What our own drivers have; nothing of NVIDIA's. */
  Optional<HostControls> controls() {
    return controls;
  }

  /** Our driver's account of the last kernel that failed, or nothing. */
  static String lastFault(HostControls controls) {
    try {
      MemorySegment text = (MemorySegment) controls.cuhostLastFault().invokeExact();
      return text.address() == 0 ? "" : text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  private static String text(MethodHandle function, int code, String otherwise) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      int status = (int) function.invokeExact(code, out);
      MemorySegment text = out.get(ADDRESS, 0);
      return status != SUCCESS || text.address() == 0
          ? otherwise
          : text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  /** Codes after which the driver answers every call of the context with the same error. */
  private static boolean sticky(int code) {
    return switch (code) {
      case 4, // DEINITIALIZED
          214, // ECC_UNCORRECTABLE
          220, // NVLINK_UNCORRECTABLE
          226, // CONTAINED
          700, // ILLEGAL_ADDRESS
          702, // LAUNCH_TIMEOUT
          709, // CONTEXT_IS_DESTROYED
          710, // ASSERT
          714, // HARDWARE_STACK_ERROR
          715, // ILLEGAL_INSTRUCTION
          716, // MISALIGNED_ADDRESS
          717, // INVALID_ADDRESS_SPACE
          718, // INVALID_PC
          719, // LAUNCH_FAILED
          721, // TENSOR_MEMORY_LEAK
          810, // MPS_CLIENT_TERMINATED
          911 -> // EXTERNAL_DEVICE
          true;
      default -> false;
    };
  }
}
