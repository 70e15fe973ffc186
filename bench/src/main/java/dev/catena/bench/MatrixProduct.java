package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.runtime.cudaStream_t;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A fully connected layer, 1,024 features to as many, in fp32 from the device's memory: as a
 * session, and by cuBLAS through JCublas.
 */
public class MatrixProduct extends Measured {
  private static final int FEATURES = 1024;

  /** Rows of the product. */
  @Param("64")
  public int batch;

  /** The layer as a network. */
  private record Layer() implements Network {
    @Override
    public String name() {
      return "layer";
    }

    @Override
    public int channels() {
      return FEATURES;
    }

    @Override
    public int imageSize() {
      return 1;
    }

    @Override
    public int classes() {
      return FEATURES;
    }

    @Override
    public Graph graph(int batch, int height, int width, DType dtype) {
      GraphBuilder b = new GraphBuilder(name(), dtype);
      return b.build(b.linear("layer", b.input(batch, FEATURES, height, width), FEATURES));
    }
  }

  /** Ours. */
  public static class Session extends Ours {
    /** Compiles. */
    @Setup
    public void open(MatrixProduct product) {
      compile(Models.of(new Layer()), Inference.batch(product.batch));
    }
  }

  /** JCublas's. */
  @State(Scope.Benchmark)
  public static class Cublas {
    private final cublasHandle handle = new cublasHandle();
    private final Pointer one = Pointer.to(new float[] {1});
    private final Pointer zero = Pointer.to(new float[] {0});
    private SharedDevice shared;
    private CUdeviceptr x;
    private CUdeviceptr weights;
    private CUdeviceptr y;
    private int batch;

    /** The operands, all zero. */
    @Setup
    public void open(MatrixProduct product) {
      batch = product.batch;
      shared = new SharedDevice();
      x = shared.floats((long) batch * FEATURES);
      y = shared.floats((long) batch * FEATURES);
      weights = shared.floats(FEATURES * FEATURES);
      JCublas2.setExceptionsEnabled(true);
      JCublas2.cublasCreate(handle);
      JCublas2.cublasSetStream(handle, new cudaStream_t(shared.queue()));
      DeviceTime.of("byJCublas", () -> shared.millis(this::multiply));
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
      JCublas2.cublasDestroy(handle);
      shared.close();
    }

    /** Column by column: y' = weights · x', of which ours are the transposed. */
    private void multiply() {
      int transposed = cublasOperation.CUBLAS_OP_T;
      int plain = cublasOperation.CUBLAS_OP_N;
      int n = FEATURES;
      JCublas2.cublasSgemm(
          handle, transposed, plain, n, batch, n, one, weights, n, x, n, zero, y, n);
    }
  }

  /** Ours. */
  @Benchmark
  public void bySession(Session session) {
    session.run();
  }

  /** JCublas's. */
  @Benchmark
  public void byJCublas(Cublas cublas) {
    cublas.multiply();
    JCudaDriver.cuStreamSynchronize(cublas.shared.queue());
  }
}
