package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** GPUs that are not there, by their descriptions. */
final class CudnnTargets {
  private CudnnTargets() {}

  /** One of {@code a100}, {@code h200} and {@code b200}. */
  static CudnnTarget named(CudnnLibrary cudnn, String name) {
    try (InputStream in =
        CudnnTargets.class.getResourceAsStream("/dev/catena/gpus/" + name + ".json")) {
      return described(cudnn, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The device with these properties, as CUDA reports them.
   *
   * @throws CudnnException where cuDNN cannot read them
   */
  static CudnnTarget described(CudnnLibrary cudnn, String json) {
    return CudnnTarget.of(cudnn, p -> p.set(CudnnAttribute.DEVICEPROP_JSON_REPRESENTATION, json));
  }
}
