package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.HostControls;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.DeviceUnavailableException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which devices there are, and how each is opened. Implements the static methods of {@link Device}.
 */
final class DeviceDiscovery {
  private static final System.Logger LOG = System.getLogger("dev.catena.device");
  private static final Pattern CUDA_NAME = Pattern.compile("cuda:(\\d{1,3})");
  private static final Pattern PTX_NAME = Pattern.compile("ptx:(\\d{2,3})");
  private static final int OLDEST_CAPABILITY = 75;

  private DeviceDiscovery() {}

  static Device open() {
    requireLinux();
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

  static Device open(String id) {
    requireLinux();
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

  static List<String> available() {
    requireLinux();
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

  /** Says at once that there are no native parts for another system. */
  static void requireLinux(String system, String processor) {
    boolean known = processor.equals("amd64") || processor.equals("aarch64");
    if (!system.equals("Linux") || !known) {
      throw new DeviceUnavailableException(
          "Catena runs on Linux on x86-64 and aarch64, not on %s on %s"
              .formatted(system, processor));
    }
  }

  private static void requireLinux() {
    requireLinux(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  private static Device openHost() {
    if (NativeLibraries.find(NativeLibrary.CUHOST) instanceof NativeLibrary.Missing missing) {
      throw new DeviceUnavailableException(
          "the host device is not available: " + missing.explain());
    }
    Device host =
        retain(CudaDriver.host(), Optional.of(HostControls.host()), Device.Kind.HOST, 0, "host");
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
        retain(
            CudaDriver.nvidia(), Optional.empty(), Device.Kind.CUDA, ordinal, "cuda:" + ordinal));
  }

  private static Device requireNewEnough(Device device) {
    if (device.computeCapability() < OLDEST_CAPABILITY) {
      String found = device.describe();
      device.close();
      throw new DeviceUnavailableException(
          found
              + " is too old: Catena's kernels need compute capability 7.5 or newer;"
              + " open another GPU or \"host\"");
    }
    return device;
  }

  static Device adopt(long context) {
    requireLinux();
    if (context == 0) {
      throw new IllegalArgumentException("the context is null");
    }
    if (NativeLibraries.find(NativeLibrary.CUDA) instanceof NativeLibrary.Missing missing) {
      throw new DeviceUnavailableException("the context has no driver: " + missing.explain());
    }
    if (hostStandsIn()) {
      return over(context, Device.Kind.HOST, CudaDriver.host());
    }
    Gpus gpus = Gpus.find();
    if (gpus.count() == 0) {
      throw new DeviceUnavailableException("the context cannot be used: " + gpus.whyNone());
    }
    return requireNewEnough(over(context, Device.Kind.CUDA, CudaDriver.nvidia()));
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

  private static Device over(long handle, Device.Kind kind, CudaDriver cu) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      String what = "the context";
      requireSuccess(cu, what, "cuCtxSetCurrent", (int) cu.cuCtxSetCurrent().invokeExact(handle));
      requireSuccess(cu, what, "cuCtxGetDevice", (int) cu.cuCtxGetDevice().invokeExact(out));
      int ordinal = out.get(JAVA_INT, 0);
      String id = kind == Device.Kind.HOST ? "host" : "cuda:" + ordinal;
      Optional<HostControls> controls =
          kind == Device.Kind.HOST ? Optional.of(HostControls.host()) : Optional.empty();
      return watched(
          kind, new Context(cu, controls, id, handle, "cuCtxGetDevice", () -> 0), ordinal);
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  static Device retain(
      CudaDriver cu, Optional<HostControls> controls, Device.Kind kind, int ordinal, String id) {
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

  private static Device watched(Device.Kind kind, Context context, int ordinal) {
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
}
