package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.error.CudaException;
import dev.catena.error.DriverTooOldException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelImagesTest {
  @Test
  void aGpuTakesTheNewestKernelsThatItCanRun() {
    assertEquals(List.of(), KernelImages.cuda(70).folders());
    assertEquals(List.of("compute_75"), KernelImages.cuda(75).folders());
    assertEquals(List.of("compute_80", "compute_75"), KernelImages.cuda(80).folders());
    assertEquals(List.of("compute_80", "compute_75"), KernelImages.cuda(89).folders());
    assertEquals(List.of("sm_90a", "compute_80", "compute_75"), KernelImages.cuda(90).folders());
    assertEquals(List.of("compute_80", "compute_75"), KernelImages.cuda(100).folders());
  }

  @Test
  void machineCodeIsTakenWhereItFitsDeviceAndBuild(@TempDir Path folder) throws IOException {
    for (String name : List.of("sm_80/add", "sm_90/add", "sm_90a/conv1x1", "sm_90/conv1x1")) {
      Path file = folder.resolve(name + ".cubin");
      Files.createDirectories(file.getParent());
      Files.writeString(file, name);
    }
    Path properties = folder.resolve("kernels.properties");
    Files.writeString(properties, "hash=" + KernelImages.property("hash"));
    assertEquals(Optional.empty(), KernelImages.cuda(90).cubin("add"), "no folder is named");
    System.setProperty(KernelImages.CUBINS, folder.toString());
    try {
      assertEquals("sm_80/add", cubin(89, "add"));
      assertEquals("sm_90/add", cubin(90, "add"));
      assertEquals("sm_90a/conv1x1", cubin(90, "conv1x1"));
      assertEquals("none", cubin(100, "add"));
      assertEquals("none", cubin(75, "add"));
      Path other = Files.createDirectories(folder.resolve("other"));
      Files.move(folder.resolve("sm_80"), other.resolve("sm_80"));
      Files.writeString(other.resolve("kernels.properties"), "hash=another");
      System.setProperty(KernelImages.CUBINS, other.toString());
      assertEquals("none", cubin(80, "add"), "of another build");
    } finally {
      System.clearProperty(KernelImages.CUBINS);
    }
  }

  @Test
  void theDriverCompilesPtxWhereItRefusesMachineCode(@TempDir Path folder) throws IOException {
    Files.writeString(
        Files.createDirectories(folder.resolve("sm_90")).resolve("add.cubin"), "no machine code");
    Files.writeString(
        folder.resolve("kernels.properties"), "hash=" + KernelImages.property("hash"));
    assumeTrue(KernelImages.hasPtx(), "this build has no PTX");
    System.setProperty(KernelImages.CUBINS, folder.toString());
    try (Device device = Device.open("ptx:90")) {
      assertTrue(device.module("add").resource().endsWith("compute_80/add.ptx"));
    } finally {
      System.clearProperty(KernelImages.CUBINS);
    }
  }

  private static String cubin(int capability, String file) {
    return KernelImages.cuda(capability)
        .cubin(file)
        .map(image -> new String(image.bytes(), StandardCharsets.US_ASCII))
        .orElse("none");
  }

  @Test
  void theHostAlwaysHasABaseline() {
    String baseline = KernelImages.host().folders().getLast();
    assertTrue(List.of("host-x86-64-v3", "host-aarch64").contains(baseline), baseline);
  }

  @Test
  void aDriverThatIsTooOldIsNamedWithBothVersions() {
    var failure =
        new CudaException(
            "cuModuleLoadDataEx of x", 222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", false, "");
    byte[] ptx =
        "// made by nvcc\n.version 9.0\n.target sm_80\n".getBytes(StandardCharsets.US_ASCII);
    var e = (DriverTooOldException) Module.explain(failure, "bn_relu", ptx, "12.4", "");
    assertEquals("9.0", e.ptxVersion());
    assertEquals("12.4", e.driverVersion());
    assertEquals(
        "cuModuleLoadDataEx of x failed with CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222): kernel file"
            + " bn_relu is PTX 9.0, which the installed driver (CUDA 12.4) does not know; update"
            + " the NVIDIA driver",
        e.getMessage());
  }

  @Test
  void theCompilersLogIsInTheError() {
    var failure =
        new CudaException("cuModuleLoadDataEx of x", 218, "CUDA_ERROR_INVALID_PTX", false, "");
    assertEquals(
        "cuModuleLoadDataEx of x failed with CUDA_ERROR_INVALID_PTX (218):\nline 3: syntax error",
        Module.explain(failure, "x", new byte[0], "13.0", "line 3: syntax error").getMessage());
  }
}
