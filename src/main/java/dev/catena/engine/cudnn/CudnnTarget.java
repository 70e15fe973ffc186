package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import java.util.List;
import java.util.function.Consumer;

/**
 * The device that plans are made for, known by its properties: one that is here, or the description
 * of one that is not. Planning needs no handle; what it gives is stored as text and restored with a
 * handle where it runs.
 */
final class CudnnTarget implements AutoCloseable {

  private final CudnnDescriptor properties;

  private CudnnTarget(CudnnDescriptor properties) {
    this.properties = properties;
  }

  /**
   * A device of this machine.
   *
   * @param ordinal as CUDA counts
   * @throws CudnnException where there is no such device, or cuDNN does not support it
   */
  static CudnnTarget present(CudnnLibrary cudnn, int ordinal) {
    return of(cudnn, p -> p.set(CudnnAttribute.DEVICEPROP_DEVICE_ID, ordinal));
  }

  /** The device whose properties {@code known} sets. */
  static CudnnTarget of(CudnnLibrary cudnn, Consumer<CudnnDescriptor> known) {
    var properties = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_DEVICEPROP_DESCRIPTOR);
    try {
      known.accept(properties);
      return new CudnnTarget(properties.finish());
    } catch (RuntimeException e) {
      properties.close();
      throw e;
    }
  }

  /** Lets heuristics ask for this device. */
  void setHeuristics(CudnnDescriptor heuristics) {
    heuristics.set(CudnnAttribute.ENGINEHEUR_DEVICEPROP, List.of(properties));
  }

  /** Lets a plan be compiled for this device. */
  void setPlan(CudnnDescriptor plan) {
    plan.set(CudnnAttribute.EXECUTION_PLAN_DEVICEPROP, List.of(properties));
  }

  @Override
  public void close() {
    properties.close();
  }
}
