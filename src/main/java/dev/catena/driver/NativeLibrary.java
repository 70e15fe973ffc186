package dev.catena.driver;

import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The native libraries that Catena can use, and what a search for one of them gave. */
public enum NativeLibrary {
  /** NVIDIA's driver. */
  CUDA("cuInit", "install the NVIDIA driver", "libcuda.so.1"),
  /** Our implementation of the driver API on the CPU, in Catena's own jar. */
  CUHOST(
      "cuInit",
      "build Catena with its native part, or use its jar for linux-x86_64",
      "libcuhost.so"),
  /** The same driver over an interpreter of our PTX, in Catena's own jar. */
  CUPTX(
      "cuInit",
      "build Catena with its native part, or use its jar for linux-x86_64",
      "libcuptx.so"),
  /** cuDNN, for plain convolutions on a GPU. */
  CUDNN("cudnnGetVersion", "install cuDNN 9, or set CATENA_CUDNN to its folder", "libcudnn.so.9"),
  /** cuBLASLt, for matrix products on a GPU. */
  CUBLASLT(
      "cublasLtGetVersion",
      "install the CUDA toolkit's cuBLAS, or set CATENA_CUBLASLT to its folder",
      "libcublasLt.so.13",
      "libcublasLt.so.12"),
  /** oneDNN, for convolutions on the CPU. */
  ONEDNN(
      "dnnl_version",
      "add org.bytedeco:dnnl:linux-x86_64 to the class path, or set CATENA_ONEDNN",
      "libdnnl.so.3"),
  /** NCCL, for sums over GPUs. */
  NCCL("ncclGetVersion", "install NCCL 2, or set CATENA_NCCL to its folder", "libnccl.so.2"),
  /** Open MPI, for ranks that its {@code mpirun} starts. */
  OPENMPI("ompi_mpi_comm_world", "install openmpi-bin and libopenmpi3", "libmpi.so.40"),
  /** MPICH and those with its binary interface, for ranks that its {@code mpirun} starts. */
  MPICH("MPI_Init_thread", "install mpich", "libmpich.so.12", "libmpi.so.12"),
  /** NVIDIA's names for what a profiler shows; of CUDA up to 12, and since. */
  NVTX(
      "nvtxRangePushA",
      "install the CUDA toolkit's NVTX, or set CATENA_NVTX to its folder",
      "libnvToolsExt.so.1",
      "libnvtx3interop.so.1");

  private final String symbol;
  private final String remedy;
  private final List<String> files;

  NativeLibrary(String symbol, String remedy, String... files) {
    this.symbol = symbol;
    this.remedy = remedy;
    this.files = List.of(files);
  }

  /** File names it is known by, the preferred one first. */
  public List<String> files() {
    return files;
  }

  /** What a user does to have it, in one line. */
  public String remedy() {
    return remedy;
  }

  /** The system property that names its file or folder. */
  public String property() {
    return "catena." + name().toLowerCase(Locale.ROOT) + ".path";
  }

  /** The environment variable that names its file or folder. */
  public String variable() {
    return "CATENA_" + name();
  }

  /** A function that the library must have. */
  String symbol() {
    return symbol;
  }

  /** What a search gave. */
  public sealed interface Search {
    /** The library that was looked for. */
    NativeLibrary library();

    /** Every place where it was looked for in vain, and why not there, in order. */
    List<Attempt> attempts();

    /**
     * One line: where it is and its version, or that it is missing, where it was looked for and the
     * remedy.
     */
    String explain();
  }

  /**
   * A library that is loaded.
   *
   * @param origin what led to it, for example {@code the loader's path}
   */
  public record Found(
      NativeLibrary library,
      Path path,
      String version,
      String origin,
      SymbolLookup symbols,
      List<Attempt> attempts)
      implements Search {
    /** Whether it is one of this project's stand-ins for tests, which works without a GPU. */
    public boolean isStandIn() {
      return symbols.find("catenaStandIn").isPresent();
    }

    @Override
    public String explain() {
      return path + " (version " + version + ", found by " + origin + ")";
    }
  }

  /** A library that could not be loaded. */
  public record Missing(NativeLibrary library, List<Attempt> attempts) implements Search {
    /** Whether another search may find it: a failure was one of the moment. */
    boolean isPassing() {
      return attempts.stream().anyMatch(Attempt::passing);
    }

    private String remedy() {
      return attempts.stream()
          .flatMap(attempt -> attempt.remedy().stream())
          .findFirst()
          .orElse(library.remedy);
    }

    @Override
    public String explain() {
      return attempts.stream()
          .map(Attempt::toString)
          .collect(
              Collectors.joining(
                  "; ",
                  library.files.getFirst() + " was not found (",
                  "); to have it, " + remedy()));
    }
  }

  /**
   * A place where a library was looked for.
   *
   * @param place for people
   * @param why it was not taken from there
   * @param remedy that helps there; empty: the library's own
   * @param passing whether the failure is one of the moment, such as a full disk
   */
  public record Attempt(String place, String why, Optional<String> remedy, boolean passing) {
    /** A lasting failure that has no remedy of its own. */
    Attempt(String place, String why) {
      this(place, why, Optional.empty(), false);
    }

    @Override
    public String toString() {
      return place + ": " + why;
    }
  }
}
