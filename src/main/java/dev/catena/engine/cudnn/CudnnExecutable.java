package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import java.util.List;
import java.util.Map;

/** A stored plan, restored on a device and bound to addresses: ready to be enqueued. */
final class CudnnExecutable implements AutoCloseable {

  private final CudnnLibrary cudnn;
  private final CudnnDescriptor plan;
  private final CudnnDescriptor variantPack;

  /**
   * Restores a plan.
   *
   * @param handle on the device; kernels compiled at run time are compiled now
   * @param json of {@link CudnnPlan#json}
   * @param addresses of the graph's tensors, by their ids
   * @param workspace address of the scratch memory, or 0
   * @throws CudnnException where the plan is not of this version of cuDNN or this kind of device
   */
  CudnnExecutable(
      CudnnLibrary cudnn, long handle, String json, Map<Long, Long> addresses, long workspace) {
    List<Long> ids = List.copyOf(addresses.keySet());
    this.cudnn = cudnn;
    this.plan = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    CudnnDescriptor pack = null;
    try {
      plan.set(CudnnAttribute.EXECUTION_PLAN_HANDLE, handle)
          .set(CudnnAttribute.EXECUTION_PLAN_JSON_REPRESENTATION, json)
          .finish();
      pack = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_VARIANT_PACK_DESCRIPTOR);
      pack.set(CudnnAttribute.VARIANT_PACK_UNIQUE_IDS, longs(ids))
          .set(
              CudnnAttribute.VARIANT_PACK_DATA_POINTERS,
              longs(ids.stream().map(addresses::get).toList()))
          .set(CudnnAttribute.VARIANT_PACK_WORKSPACE, workspace)
          .finish();
      variantPack = pack;
    } catch (RuntimeException e) {
      if (pack != null) {
        pack.close();
      }
      plan.close();
      throw e;
    }
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  /** Enqueues on the handle's stream, or adds to the graph being captured from it. */
  void execute(long handle) {
    cudnn.execute(handle, plan.address(), variantPack.address());
  }

  @Override
  public void close() {
    variantPack.close();
    plan.close();
  }
}
