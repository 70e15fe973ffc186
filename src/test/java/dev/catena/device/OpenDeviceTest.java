package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.error.DeviceException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a process says that has no GPU, and one that forgets to close. */
class OpenDeviceTest {
  private static final String NO_DRIVER = "-Dcatena.cuda.path=/nonexistent/libcuda.so.1";

  private static final String REASON =
      "libcuda.so.1 was not found (-Dcatena.cuda.path=/nonexistent/libcuda.so.1:"
          + " /nonexistent/libcuda.so.1: cannot open shared object file: No such file or"
          + " directory); to have it, install the NVIDIA driver";

  /** Opens the named device, or the default one, and says what came of it. */
  static final class Open {
    private Open() {}

    public static void main(String[] args) {
      try (Device device = args.length == 0 ? Device.open() : Device.open(args[0])) {
        System.out.println("opened " + device.id());
      } catch (DeviceException e) {
        System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
      }
    }
  }

  /** Forgets memory, then closes the device over it. */
  static final class Forget {
    private Forget() {}

    public static void main(String[] args) throws InterruptedException {
      try (Device device = Device.open("host")) {
        forget(device);
        for (int i = 0; i < 20; i++) {
          System.gc();
          Thread.sleep(20);
        }
      }
    }

    private static void forget(Device device) {
      System.out.println(device.allocate(1000));
    }
  }

  /** Forgets a session, then closes the device under it. */
  static final class ForgetSession {
    private ForgetSession() {}

    public static void main(String[] args) throws InterruptedException {
      try (Device device = Device.open("host")) {
        System.out.println(forget(device));
        for (int i = 0; i < 20; i++) {
          System.gc();
          Thread.sleep(20);
        }
      }
    }

    private static int forget(Device device) {
      try (Model model = Models.get("resnet-20")) {
        return model.compile(device, Inference.batch(1, 2)).launches();
      }
    }
  }

  @Test
  void withoutAGpuTheDefaultIsTheHostAndTheLogSaysWhy() throws Exception {
    ChildJvm.Result result = new ChildJvm(NO_DRIVER).run(Open.class);
    assertTrue(result.said().contains("Catena runs on host: "), result.said());
    assertTrue(result.said().contains("; no GPU: " + REASON), result.said());
    assertTrue(result.said().contains("opened host"), result.said());
  }

  @Test
  void askingForAGpuThatIsNotThereSaysWhatToDo() throws Exception {
    ChildJvm.Result result = new ChildJvm(NO_DRIVER).run(Open.class, "cuda:0");
    assertEquals(
        "DeviceUnavailableException: cuda:0 is not available: "
            + REASON
            + "; to run on the CPU instead, open \"host\"\n",
        result.said());
  }

  @Test
  void aGpuBeyondTheLastIsNamedWithThoseThatAreThere(@TempDir Path folder) throws Exception {
    String said = ChildJvm.ofJCuda(folder).run(Open.class, "cuda:5").said();
    boolean ptx = KernelImages.hasPtx();
    assertEquals(
        "DeviceUnavailableException: cuda:5 is not available: "
            + (ptx
                ? "the driver sees cuda:0; open that or \"host\"\n"
                : "the driver sees 1 GPU, but this build of Catena has no kernels for GPUs (it was"
                    + " built without nvcc); build it where the CUDA toolkit is installed; to run on"
                    + " the CPU instead, open \"host\"\n"),
        said);
  }

  @Test
  void forgottenMemoryIsReportedAndFreedWithItsDevice() throws Exception {
    String said = new ChildJvm(NO_DRIVER).run(Forget.class).said();
    assertTrue(
        said.matches(
            "(?s).*memory \\d+ of host was forgotten without close\\(\\); its device frees it"
                + " \\(-Dcatena.leaks=trace tells where each was opened\\).*"),
        said);
    assertTrue(
        said.contains(
            "device host closes with 1 allocations (1,000 bytes) still open; they are freed"),
        said);
  }

  @Test
  void aForgottenSessionIsReportedInOneLine() throws Exception {
    String said = new ChildJvm(NO_DRIVER).run(ForgetSession.class).said();
    List<String> lines = said.lines().filter(line -> line.contains("forgotten")).toList();
    assertEquals(1, lines.size(), said);
    assertTrue(
        lines.getFirst().matches(".*\\d+ objects, \\w.* of host first, were forgotten.*"), said);
  }

  @ParameterizedTest
  @CsvSource({"Windows 11, amd64", "Mac OS X, aarch64", "Linux, riscv64"})
  void otherSystemsAreRefusedInOneSentence(String system, String processor) {
    var e =
        assertThrows(DeviceException.class, () -> DeviceDiscovery.requireLinux(system, processor));
    assertEquals(
        "Catena runs on Linux on x86-64 and aarch64, not on %s on %s".formatted(system, processor),
        e.getMessage());
  }

  @Test
  void theTraceOfALeakNamesTheAllocation() throws Exception {
    String said = new ChildJvm(NO_DRIVER, "-Dcatena.leaks=trace").run(Forget.class).said();
    assertTrue(said.contains("opened here"), said);
    assertTrue(said.contains("Forget.forget("), said);
  }
}
