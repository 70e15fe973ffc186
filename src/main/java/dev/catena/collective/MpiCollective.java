package dev.catena.collective;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.catena.driver.ForeignCall;
import dev.catena.driver.Mpi;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.RankFailedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;

/**
 * Ranks that are processes, started by the {@code mpirun} of Open MPI or MPICH. A sum has the same
 * bits on all ranks, and in every run on as many ranks of the same machines.
 *
 * <p>Where a process dies, the launcher ends the others and says which it was. A process that fails
 * without dying must call {@link #abort}.
 */
public final class MpiCollective extends HostCollective {
  private static final int FAILED = 2;
  private static final int MOST = 1 << 30;

  private final Mpi mpi;
  private final int rank;
  private final int size;
  private final int localRank;
  private boolean closed;

  private MpiCollective(Mpi mpi, int localRank) {
    this.mpi = mpi;
    this.localRank = localRank;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      call(
          "MPI_Init_thread",
          () ->
              (int)
                  mpi.functions()
                      .MPI_Init_thread()
                      .invokeExact(MemorySegment.NULL, MemorySegment.NULL, Mpi.SERIALIZED, out));
      call(
          "MPI_Comm_rank",
          () -> (int) mpi.functions().MPI_Comm_rank().invokeExact(mpi.world(), out));
      rank = out.get(JAVA_INT, 0);
      call(
          "MPI_Comm_size",
          () -> (int) mpi.functions().MPI_Comm_size().invokeExact(mpi.world(), out));
      size = out.get(JAVA_INT, 0);
    }
  }

  /**
   * The ranks that a launcher has started, if it has started this process as one of several. Once
   * for a process.
   *
   * @throws dev.catena.error.MissingNativeException if the launcher's library is not there
   */
  public static Optional<MpiCollective> launched() {
    return launched(System.getenv());
  }

  static Optional<MpiCollective> launched(Map<String, String> environment) {
    if (number(environment, "OMPI_COMM_WORLD_SIZE") > 1) {
      int local = number(environment, "OMPI_COMM_WORLD_LOCAL_RANK");
      return Optional.of(new MpiCollective(Mpi.of(NativeLibrary.OPENMPI), local));
    } else if (number(environment, "PMI_SIZE") > 1) {
      int local = number(environment, "MPI_LOCALRANKID");
      return Optional.of(new MpiCollective(Mpi.of(NativeLibrary.MPICH), local));
    }
    return Optional.empty();
  }

  private static int number(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "0");
    return value.matches("\\d{1,9}") ? Integer.parseInt(value) : 0;
  }

  /** This rank among those of the same machine, from 0: which device it takes. */
  public int localRank() {
    return localRank;
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  protected void sum(MemorySegment floats) {
    long count = floats.byteSize() / Float.BYTES;
    for (long first = 0; first < count; first += MOST) {
      MemorySegment part = floats.asSlice(first * Float.BYTES);
      int some = (int) Math.min(MOST, count - first);
      call(
          "MPI_Allreduce",
          () ->
              (int)
                  mpi.functions()
                      .MPI_Allreduce()
                      .invokeExact(
                          mpi.inPlace(), part, some, mpi.floats(), mpi.sum(), mpi.world()));
    }
  }

  @Override
  protected void broadcast(MemorySegment floats) {
    long count = floats.byteSize() / Float.BYTES;
    for (long first = 0; first < count; first += MOST) {
      MemorySegment part = floats.asSlice(first * Float.BYTES);
      int some = (int) Math.min(MOST, count - first);
      call(
          "MPI_Bcast",
          () ->
              (int)
                  mpi.functions()
                      .MPI_Bcast()
                      .invokeExact(part, some, mpi.floats(), 0, mpi.world()));
    }
  }

  @Override
  public void barrier() {
    call("MPI_Barrier", () -> (int) mpi.functions().MPI_Barrier().invokeExact(mpi.world()));
  }

  /** Ends all processes, this one too. */
  @Override
  public void abort(Throwable failure) {
    call("MPI_Abort", () -> (int) mpi.functions().MPI_Abort().invokeExact(mpi.world(), FAILED));
  }

  /**
   * Ends MPI and waits until every rank does. A rank that fails alone calls {@link #abort} instead:
   * closing would wait for the others, which wait for it.
   */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      call("MPI_Finalize", () -> (int) mpi.functions().MPI_Finalize().invokeExact());
    }
  }

  private static void call(String function, ForeignCall<Integer> call) {
    int code = ForeignCall.of(call);
    if (code != 0) {
      throw new RankFailedException(function + " failed with " + code);
    }
  }
}
