package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Captured work of a stream that is replayed with one call. */
public final class ExecutableGraph implements AutoCloseable {
  private final Context context;
  private final Resource resource;
  private final MethodHandle launch;
  private final int nodes;

  private ExecutableGraph(Context context, Resource resource, int nodes) {
    this.context = context;
    this.resource = resource;
    this.launch = context.cu().cuGraphLaunch();
    this.nodes = nodes;
    resource.watch(this);
  }

  /** Makes {@code graph} executable and gives it back. */
  static ExecutableGraph instantiate(Context context, long graph, long stream) {
    try {
      int nodes = count(context, graph);
      long exec =
          context.longFrom(
              "cuGraphInstantiateWithFlags",
              out -> (int) context.cu().cuGraphInstantiateWithFlags().invokeExact(out, graph, 0L));
      Resource resource =
          context.open(
              Resource.Kind.GRAPH,
              "graph",
              exec,
              0,
              "cuGraphExecDestroy",
              () -> (int) context.cu().cuGraphExecDestroy().invokeExact(exec));
      context.callInside(
          "cuGraphUpload", () -> (int) context.cu().cuGraphUpload().invokeExact(exec, stream));
      return new ExecutableGraph(context, resource, nodes);
    } finally {
      context.status(() -> (int) context.cu().cuGraphDestroy().invokeExact(graph));
    }
  }

  /** Enqueues all of the work; allocates nothing on the Java heap. */
  public void launch(Stream stream) {
    if (stream.context() != context) {
      throw new IllegalArgumentException(stream + " is not of " + context.name());
    }
    try (var _ = resource.use()) {
      long exec = resource.handle();
      try (var _ = stream.resource().use()) {
        long queue = stream.resource().handle();
        int code = context.makeCurrent();
        context.check("cuCtxSetCurrent", code);
        code = (int) launch.invokeExact(exec, queue);
        context.check("cuGraphLaunch", code);
      } catch (Throwable e) {
        throw Context.unchecked(e);
      }
    }
  }

  /** The number of launches, copies and fills that it replays. */
  public int nodes() {
    return nodes;
  }

  /** Gives the graph back; the second time does nothing. Its work must have ended. */
  @Override
  public void close() {
    resource.close();
  }

  private static int count(Context context, long graph) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      context.callInside(
          "cuGraphGetNodes",
          () -> (int) context.cu().cuGraphGetNodes().invokeExact(graph, MemorySegment.NULL, count));
      return Math.toIntExact(count.get(JAVA_LONG, 0));
    }
  }

  @Override
  public String toString() {
    return resource + " (" + nodes + " nodes)";
  }
}
