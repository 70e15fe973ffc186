package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

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
