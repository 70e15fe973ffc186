package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A kernel with its grid, block and arguments, ready to be enqueued any number of times by any
 * thread.
 */
public final class Launch {
  private static final long SLOT = JAVA_LONG.byteSize();
  private static final long STRUCT = 16;

  private final Kernel kernel;
  private final Context context;
  private final MethodHandle launch;
  private final long function;
  private final Dim grid;
  private final Dim block;
  private final int sharedBytes;

  /** Pointers to the values, then the values, in memory that lives as long as this object. */
  private final MemorySegment parameters;

  Launch(
      Kernel kernel,
      Context context,
      long function,
      Dim grid,
      Dim block,
      int sharedBytes,
      Object[] arguments) {
    this.kernel = kernel;
    this.context = context;
    this.launch = context.cu().cuLaunchKernel();
    this.function = function;
    this.grid = grid;
    this.block = block;
    this.sharedBytes = sharedBytes;
    this.parameters = layOut(kernel, arguments);
  }

  /** Enqueues the kernel; allocates nothing on the Java heap. */
  public void enqueue(Stream stream) {
    if (stream.context() != context) {
      throw new IllegalArgumentException(stream + " is not of " + context.name());
    }
    try (var _ = stream.resource().use()) {
      long queue = stream.resource().handle();
      int code = context.makeCurrent();
      context.check("cuCtxSetCurrent", code);
      code =
          (int)
              launch.invokeExact(
                  function,
                  grid.x(),
                  grid.y(),
                  grid.z(),
                  block.x(),
                  block.y(),
                  block.z(),
                  sharedBytes,
                  queue,
                  parameters,
                  MemorySegment.NULL);
      if (code != 0) {
        throw context.failure("cuLaunchKernel of " + this, code);
      }
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** The kernel. */
  public Kernel kernel() {
    return kernel;
  }

  /** Its blocks. */
  public Dim grid() {
    return grid;
  }

  /** The threads of a block. */
  public Dim block() {
    return block;
  }

  @Override
  public String toString() {
    return kernel.name() + "<<<" + grid + ", " + block + ", " + sharedBytes + ">>>";
  }

  private static MemorySegment layOut(Kernel kernel, Object[] arguments) {
    if (arguments.length == 1 && arguments[0] instanceof Record record) {
      return layOut(kernel, record);
    }
    long values = arguments.length * SLOT;
    MemorySegment block =
        Arena.ofAuto().allocate(Math.max(SLOT, 2 * values), JAVA_LONG.byteAlignment());
    int[] bytes = new int[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      block.set(JAVA_LONG, i * SLOT, block.address() + values + i * SLOT);
      bytes[i] = set(block, values + i * SLOT, arguments[i], i, kernel);
    }
    kernel.requireParameters(bytes);
    return block;
  }

  /** A pointer to the struct, then, as aligned as any field may be, the struct. */
  private static MemorySegment layOut(Kernel kernel, Record record) {
    ParameterLayout layout = kernel.layout();
    kernel.requireParameters(new int[] {layout.bytes()});
    MemorySegment block = Arena.ofAuto().allocate(STRUCT + layout.bytes(), STRUCT);
    block.set(JAVA_LONG, 0, block.address() + STRUCT);
    layout.write(record, block.asSlice(STRUCT));
    return block;
  }

  /** Writes a value and returns its size. */
  private static int set(MemorySegment block, long at, Object argument, int i, Kernel kernel) {
    switch (argument) {
      case Integer value -> block.set(JAVA_INT, at, value);
      case Float value -> block.set(JAVA_FLOAT, at, value);
      case Long value -> block.set(JAVA_LONG, at, value);
      case Double value -> block.set(JAVA_DOUBLE, at, value);
      case DeviceMemory memory -> block.set(JAVA_LONG, at, memory.address());
      case null, default ->
          throw new IllegalArgumentException(
              "argument %d of %s must be Integer, Long, Float, Double or DeviceMemory: %s"
                  .formatted(i, kernel.name(), argument));
    }
    return argument instanceof Integer || argument instanceof Float ? 4 : 8;
  }
}
