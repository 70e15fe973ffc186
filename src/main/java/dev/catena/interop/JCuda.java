package dev.catena.interop;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import jcuda.NativePointerObject;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * The border with JCuda (jcuda.org), whose jar an application brings itself.
 *
 * <p>Nothing is copied and nothing changes its owner: what JCuda made, JCuda destroys, after our
 * object over it is closed; what Catena made is valid in JCuda until it is closed here. Work of
 * both libraries is in order on one stream; across streams, synchronise. Thread-safe.
 */
@SuppressWarnings("exports") // who calls this requires jcuda himself; nobody else should have to
public final class JCuda {
  private JCuda() {}

  /**
   * A device over an application's context; {@link Device#adopt} has the terms.
   *
   * @throws dev.catena.error.DeviceUnavailableException when it cannot be used, with the reason
   */
  public static Device device(CUcontext context) {
    return Device.adopt(new Handle(context).value());
  }

  /**
   * A stream of an application, of the context that {@code device} is over.
   *
   * @throws dev.catena.error.CudaException when the driver does not know it
   */
  public static Stream stream(Device device, CUstream stream) {
    return device.adoptStream(new Handle(stream).value());
  }

  /**
   * Memory of an application on {@code device}, from where {@code pointer} points.
   *
   * @param bytes that may be used, at least 1
   */
  public static DeviceMemory memory(Device device, CUdeviceptr pointer, long bytes) {
    return device.adoptMemory(new Address(pointer).value(), bytes);
  }

  /**
   * Our memory in JCuda's words; valid until {@code memory} is closed.
   *
   * @throws IllegalStateException when it is closed
   */
  public static CUdeviceptr pointer(DeviceMemory memory) {
    return new CUdeviceptr().withByteOffset(memory.address());
  }

  /** JCuda shows its handles to subclasses alone; this one is a copy that can be asked. */
  private static final class Handle extends NativePointerObject {
    Handle(NativePointerObject of) {
      super(of);
    }

    long value() {
      return getNativePointer();
    }
  }

  /** As {@link Handle}, with the offset that a device pointer may have. */
  private static final class Address extends CUdeviceptr {
    Address(CUdeviceptr of) {
      super(of);
    }

    long value() {
      return getNativePointer() + getByteOffset();
    }
  }
}
