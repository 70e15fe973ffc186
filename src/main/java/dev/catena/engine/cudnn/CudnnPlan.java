package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import java.util.List;

/** One way of running a graph on one device, compiled. */
final class CudnnPlan implements AutoCloseable {

  private final CudnnDescriptor descriptor;
  private final CudnnEngine engine;
  private final long workspace;

  /** Takes over the finished {@code descriptor}. */
  CudnnPlan(CudnnDescriptor descriptor, CudnnEngine engine) {
    this.descriptor = descriptor;
    this.engine = engine;
    this.workspace = descriptor.getLong(CudnnAttribute.EXECUTION_PLAN_WORKSPACE_SIZE);
  }

  /** The name of the engine that computes. */
  CudnnEngine engine() {
    return engine;
  }

  /** Bytes of scratch memory. */
  long workspace() {
    return workspace;
  }

  /** The plan's stored form, read back by {@link CudnnExecutable}. */
  String json() {
    return descriptor.getText(CudnnAttribute.EXECUTION_PLAN_JSON_REPRESENTATION);
  }

  @Override
  public void close() {
    descriptor.close();
  }

  /** Closes all of them. */
  static void closeAll(List<CudnnPlan> plans) {
    plans.forEach(CudnnPlan::close);
  }
}
