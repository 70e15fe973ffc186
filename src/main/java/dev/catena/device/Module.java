package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.DriverTooOldException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A loaded kernel file; it lives as long as the device. */
public final class Module {
  private static final int NOT_FOUND = 500;
  private static final int UNSUPPORTED_PTX_VERSION = 222;
  private static final int LOG_BYTES = 16 << 10;

  /** {@code CUjit_option}: information log and its size, error log and its size. */
  private static final int[] LOG_OPTIONS = {3, 4, 5, 6};

  private static final Pattern PTX_VERSION = Pattern.compile("\\.version\\s+(\\d+\\.\\d+)");

  private final Context context;
  private final String file;
  private final String resource;
  private final long handle;
  private final Map<String, ParameterLayout> layouts;
  private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();

  private Module(Context context, String file, KernelImages.Image image, long handle) {
    this.context = context;
    this.file = file;
    this.resource = image.resource();
    this.handle = handle;
    this.layouts = image.layouts();
  }

  /** Loads an image; the caller is inside the device's {@link Resource#enter}. */
  static Module load(Context context, String file, KernelImages.Image image, String driverVersion) {
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = image.bytes();
      MemorySegment text = arena.allocate(bytes.length + 1L, 64); // PTX ends with a zero byte
      MemorySegment.copy(bytes, 0, text, JAVA_BYTE, 0, bytes.length);
      MemorySegment information = arena.allocate(LOG_BYTES);
      MemorySegment errors = arena.allocate(LOG_BYTES);
      MemorySegment options = arena.allocateFrom(JAVA_INT, LOG_OPTIONS);
      MemorySegment values =
          arena.allocateFrom(
              JAVA_LONG, information.address(), LOG_BYTES, errors.address(), LOG_BYTES);
      MemorySegment out = arena.allocate(JAVA_LONG);
      int code =
          context.status(
              () ->
                  (int)
                      context
                          .cu()
                          .cuModuleLoadDataEx()
                          .invokeExact(out, text, LOG_OPTIONS.length, options, values));
      if (code != 0) {
        throw explain(
            context.failure("cuModuleLoadDataEx of " + image.resource(), code),
            file,
            bytes,
            driverVersion,
            errors.getString(0).strip());
      }
      long handle = out.get(JAVA_LONG, 0);
      context.open(
          Resource.Kind.MODULE,
          "module",
          handle,
          0,
          "cuModuleUnload",
          () -> (int) context.cu().cuModuleUnload().invokeExact(handle));
      return new Module(context, file, image, handle);
    }
  }

  /**
   * A kernel of this file.
   *
   * @throws DeviceException when the file has none of this name
   */
  public Kernel kernel(String name) {
    try (var _ = context.device().use()) {
      return kernels.computeIfAbsent(name, this::resolve);
    }
  }

  /** The kernel file's name, without folder and ending. */
  public String file() {
    return file;
  }

  /** The resource that was loaded. */
  public String resource() {
    return resource;
  }

  private Kernel resolve(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment symbol = arena.allocateFrom(name);
      MemorySegment out = arena.allocate(JAVA_LONG);
      int code =
          context.status(
              () -> (int) context.cu().cuModuleGetFunction().invokeExact(out, handle, symbol));
      if (code == NOT_FOUND) {
        throw new DeviceException("kernel file " + resource + " has no kernel " + name);
      }
      context.check("cuModuleGetFunction of " + name, code);
      return new Kernel(context, name, out.get(JAVA_LONG, 0), layouts.get(name));
    }
  }

  /** Why an image was refused: the driver's age, or what its compiler said. */
  static CudaException explain(
      CudaException failure, String file, byte[] image, String driverVersion, String log) {
    if (failure.code() == UNSUPPORTED_PTX_VERSION) {
      return new DriverTooOldException(failure, file, ptxVersion(image), driverVersion);
    }
    return log.isEmpty()
        ? failure
        : new CudaException(
            failure.function(), failure.code(), failure.name(), failure.sticky(), ":\n" + log);
  }

  private static String ptxVersion(byte[] image) {
    Matcher matcher = PTX_VERSION.matcher(new String(image, StandardCharsets.ISO_8859_1));
    return matcher.find() ? matcher.group(1) : "of unknown version";
  }

  @Override
  public String toString() {
    return "module " + file + " (" + resource + ")";
  }
}
