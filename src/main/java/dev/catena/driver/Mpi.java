package dev.catena.driver;

import dev.catena.error.MissingNativeException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * MPI, as far as Catena uses it, with the constants of the library's binary interface. Handles are
 * {@code long}: pointers of Open MPI; of MPICH numbers of 32 bits, which lie in the same registers.
 */
public record Mpi(Functions functions, long world, long floats, long sum, long inPlace) {
  /** {@code MPI_THREAD_SERIALIZED}: one thread at a time. */
  public static final int SERIALIZED = 2;

  /** The functions; each returns 0 or, if errors were not fatal, an error class. */
  public record Functions(
      @C("int(ptr, ptr, int, ptr)") MethodHandle MPI_Init_thread,
      @C("int(long, ptr)") MethodHandle MPI_Comm_rank,
      @C("int(long, ptr)") MethodHandle MPI_Comm_size,
      // from, to, count, type, operation, communicator
      @C("int(long, ptr, int, long, long, long)") MethodHandle MPI_Allreduce,
      // buffer, count, type, root, communicator
      @C("int(ptr, int, long, int, long)") MethodHandle MPI_Bcast,
      @C("int(long)") MethodHandle MPI_Barrier,
      @C("int(long, int)") MethodHandle MPI_Abort,
      @C("int()") MethodHandle MPI_Finalize) {}

  /**
   * The library of a launcher.
   *
   * @param library {@link NativeLibrary#OPENMPI} or {@link NativeLibrary#MPICH}
   * @throws MissingNativeException if it is not there
   */
  public static Mpi of(NativeLibrary library) {
    NativeLibrary.Search search = NativeLibraries.find(library);
    if (!(search instanceof NativeLibrary.Found found)) {
      throw new MissingNativeException(search.explain());
    }
    Functions functions = Handles.bind(Functions.class, MethodHandles.lookup(), search);
    return library == NativeLibrary.OPENMPI
        ? new Mpi(
            functions,
            address(found, "ompi_mpi_comm_world"),
            address(found, "ompi_mpi_float"),
            address(found, "ompi_mpi_op_sum"),
            1)
        : new Mpi(functions, 0x44000000, 0x4c00040a, 0x58000003, -1);
  }

  private static long address(NativeLibrary.Found found, String symbol) {
    return found
        .symbols()
        .find(symbol)
        .map(MemorySegment::address)
        .orElseThrow(() -> new MissingNativeException(found.path() + " has no " + symbol));
  }
}
