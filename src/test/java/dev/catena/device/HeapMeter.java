package dev.catena.device;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** What this thread takes from the Java heap. */
public final class HeapMeter {
  private HeapMeter() {}

  /** Bytes so far: {@code com.sun.management.ThreadMXBean}, which no module of ours requires. */
  public static MethodHandle allocatedBytes() throws ReflectiveOperationException {
    Object bean =
        Class.forName("java.lang.management.ManagementFactory")
            .getMethod("getThreadMXBean")
            .invoke(null);
    return MethodHandles.publicLookup()
        .unreflect(
            Class.forName("com.sun.management.ThreadMXBean")
                .getMethod("getCurrentThreadAllocatedBytes"))
        .bindTo(bean);
  }
}
