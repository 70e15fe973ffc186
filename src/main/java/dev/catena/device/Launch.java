package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A kernel with its grid, block and arguments, ready to be enqueued any number of times by any
 * thread.
 */
public final class Launch {
  private static final long ALIGNMENT = 16;

  private final Kernel kernel;
  private final Context context;
  private final MethodHandle launch;
  private final long function;
  private final Dim grid;
  private final Dim block;
  private final int sharedBytes;

  /** A pointer to the parameters and these, in memory that lives as long as this object. */
  private final MemorySegment parameters;

  Launch(
      Kernel kernel,
      Context context,
      long function,
      Dim grid,
      Dim block,
      int sharedBytes,
      Arguments parameters) {
    this.kernel = kernel;
    this.context = context;
    this.launch = context.cu().cuLaunchKernel();
    this.function = function;
    this.grid = grid;
    this.block = block;
    this.sharedBytes = sharedBytes;
    this.parameters = layOut(kernel.layout(), parameters);
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

  /** A pointer to the struct, then, as aligned as any field may be, the struct. */
  private static MemorySegment layOut(ParameterLayout layout, Arguments parameters) {
    MemorySegment block = Arena.ofAuto().allocate(ALIGNMENT + layout.bytes(), ALIGNMENT);
    block.set(JAVA_LONG, 0, block.address() + ALIGNMENT);
    layout.write(parameters, block.asSlice(ALIGNMENT));
    return block;
  }
}
