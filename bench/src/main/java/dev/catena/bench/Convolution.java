package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.rewrite.Pipeline;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
import jcuda.runtime.cudaStream_t;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A convolution, 3x3, 128 channels to 128 at 28x28 in fp32, on average of eight in a row: as a
 * session, and by cuDNN's calls through JCudnn, the fastest algorithm that cuDNN finds.
 */
public class Convolution extends Measured {
  private static final int LINKS = 8;
  private static final int CHANNELS = 128;
  private static final int SIZE = 28;

  /** Images. */
  @Param("4")
  public int batch;

  /** Ours. */
  public static class Session extends Ours {
    /** Compiles. */
    @Setup
    public void open(Convolution convolution) {
      Chain chain =
          new Chain(
              "convolutions",
              SIZE,
              CHANNELS,
              LINKS,
              (b, i, x) -> b.conv("conv" + i, x, CHANNELS, 3, 1, 1));
      Inference options = Inference.batch(convolution.batch).pipeline(Pipeline.inPlace());
      compile(Models.of(chain), options);
    }
  }

  /** JCudnn's. */
  @State(Scope.Benchmark)
  public static class Cudnn {
    private final cudnnHandle handle = new cudnnHandle();
    private final cudnnTensorDescriptor tensor = new cudnnTensorDescriptor();
    private final cudnnFilterDescriptor filter = new cudnnFilterDescriptor();
    private final cudnnConvolutionDescriptor convolution = new cudnnConvolutionDescriptor();
    private final Pointer one = Pointer.to(new float[] {1});
    private final Pointer zero = Pointer.to(new float[] {0});
    private SharedDevice shared;
    private CUdeviceptr x;
    private CUdeviceptr y;
    private CUdeviceptr weights;
    private CUdeviceptr workspace;
    private cudnnConvolutionFwdAlgoPerf fastest;

    /** Operands, all zero, and the choice of an algorithm. */
    @Setup
    public void open(Convolution of) {
      shared = new SharedDevice();
      long elements = (long) of.batch * CHANNELS * SIZE * SIZE;
      x = shared.floats(elements);
      y = shared.floats(elements);
      weights = shared.floats(9 * CHANNELS * CHANNELS);
      JCudnn.setExceptionsEnabled(true);
      JCudnn.cudnnCreate(handle);
      JCudnn.cudnnSetStream(handle, new cudaStream_t(shared.queue()));
      describe(of.batch);
      cudnnConvolutionFwdAlgoPerf[] found = {new cudnnConvolutionFwdAlgoPerf()};
      JCudnn.cudnnFindConvolutionForwardAlgorithm(
          handle, tensor, filter, convolution, tensor, 1, new int[1], found);
      fastest = found[0];
      workspace = shared.floats(fastest.memory / Float.BYTES + 1);
      DeviceTime.of("byJCudnn", () -> shared.millis(this::convolve));
    }

    private void describe(int batch) {
      int type = cudnnDataType.CUDNN_DATA_FLOAT;
      int format = cudnnTensorFormat.CUDNN_TENSOR_NCHW;
      int mode = cudnnConvolutionMode.CUDNN_CROSS_CORRELATION;
      JCudnn.cudnnCreateTensorDescriptor(tensor);
      JCudnn.cudnnSetTensor4dDescriptor(tensor, format, type, batch, CHANNELS, SIZE, SIZE);
      JCudnn.cudnnCreateFilterDescriptor(filter);
      JCudnn.cudnnSetFilter4dDescriptor(filter, type, format, CHANNELS, CHANNELS, 3, 3);
      JCudnn.cudnnCreateConvolutionDescriptor(convolution);
      JCudnn.cudnnSetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 1, 1, mode, type);
      JCudnn.cudnnSetConvolutionMathType(convolution, cudnnMathType.CUDNN_FMA_MATH);
    }

    /** Gives everything back; the descriptors go with the process. */
    @TearDown
    public void close() {
      JCudnn.cudnnDestroy(handle);
      shared.close();
    }

    private void convolve() {
      for (int i = 0; i < LINKS; i++) {
        JCudnn.cudnnConvolutionForward(
            handle,
            one,
            tensor,
            i % 2 == 0 ? x : y,
            filter,
            weights,
            convolution,
            fastest.algo,
            workspace,
            fastest.memory,
            zero,
            tensor,
            i % 2 == 0 ? y : x);
      }
    }
  }

  /** Ours. */
  @Benchmark
  @OperationsPerInvocation(LINKS)
  public void bySession(Session session) {
    session.run();
  }

  /** JCudnn's. */
  @Benchmark
  @OperationsPerInvocation(LINKS)
  public void byJCudnn(Cudnn cudnn) {
    cudnn.convolve();
    JCudaDriver.cuStreamSynchronize(cudnn.shared.queue());
  }
}
