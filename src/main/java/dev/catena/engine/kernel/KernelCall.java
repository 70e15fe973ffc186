package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.FilterPacking;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelParameters.ConvChannels;
import dev.catena.engine.kernel.KernelParameters.ConvExtents;
import dev.catena.engine.kernel.KernelParameters.Epilogue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/**
 * A problem with its addresses on a device: what the launches of {@code kernels/*.cu} are made of.
 */
record KernelCall(Problem problem, Binding binding, Device device) {
  /** Channels that one thread takes, {@code VECTOR} of the kernels. */
  static final int VECTOR = 8;

  private static final int BLOCK = 256;
  private static final int MOST_VECTORS = 128;

  /** A GPU runs fewer threads than this in smaller blocks, so that more multiprocessors help. */
  private static final int FEW_THREADS = 128 * BLOCK;

  private static final int SMALL_BLOCK = 32;
  private static final int MOST_PIXELS = (1 << 29) - BLOCK;

  /** The activation that is read. */
  Operand x() {
    return problem.input(0);
  }

  /** The activation that is written. */
  Operand y() {
    return problem.output();
  }

  /**
   * A launch of {@code kernel} for the element type of {@code typed}, without dynamic shared
   * memory.
   */
  Launch launch(
      String file, String kernel, Operand typed, Dim grid, Dim block, Arguments parameters) {
    return launch(file, kernel, typed.dtype().suffix(), grid, block, 0, parameters);
  }

  /** The same of a type's {@code suffix}, with {@code sharedBytes} of dynamic shared memory. */
  Launch launch(
      String file,
      String kernel,
      String suffix,
      Dim grid,
      Dim block,
      int sharedBytes,
      Arguments parameters) {
    String name = kernel + "_" + suffix;
    return device.module(file).kernel(name).prepare(grid, block, sharedBytes, parameters);
  }

  /**
   * The same, element-wise over {@code pixels} pixels of {@code channels} channels (common.cuh).
   */
  Launch elementwise(
      String file, String kernel, Operand typed, long pixels, int channels, Arguments parameters) {
    int vectors = Math.ceilDiv(channels, VECTOR);
    int across = Math.min(vectors, MOST_VECTORS);
    boolean few = device.kind() == Device.Kind.CUDA && pixels * vectors < FEW_THREADS;
    int down = Math.max(1, (few ? SMALL_BLOCK : BLOCK) / across);
    Dim grid = Dim.of(Dim.blocks(pixels, down), Dim.blocks(vectors, across));
    return launch(file, kernel, typed, grid, Dim.of(across, down), parameters);
  }

  /** The same over the pixels of {@code over}, of parameters that their names explain. */
  Launch over(Operand over, String file, String kernel) {
    return over(over, file, kernel, arguments(over));
  }

  /** The same of given parameters. */
  Launch over(Operand over, String file, String kernel, Arguments parameters) {
    Shape shape = over.shape();
    return elementwise(file, kernel, over, shape.pixels(), shape.c(), parameters);
  }

  /** Parameters that their names explain, of a kernel that passes over {@code over}. */
  Arguments arguments(Operand over) {
    return KernelArguments.of(this, problem.op(), over);
  }

  /** The same of a convolution from {@code x} to {@code y}; {@code shape} says it. */
  Arguments convolution(Operand x, Operand y) {
    return arguments(y)
        .set("shape", ConvExtents.of(x.shape(), y.shape()))
        .set("shape", ConvChannels.of(x, y));
  }

  /**
   * Adds up every {@code to}-th of {@code from} rows in fp32, channels rounded up to 8
   * (conv_sum.cu).
   *
   * @param typed of the result's type
   * @param target the result's {@code to} rows
   */
  Launch sum(
      Operand typed, View target, long sums, Epilogue epilogue, long from, int to, int channels) {
    Arguments parameters =
        arguments(typed)
            .set("y", target)
            .set("sums", sums)
            .set("epilogue", epilogue)
            .set("rows", from)
            .set("pixels", to)
            .set("outputs", channels);
    return elementwise("conv_sum", "conv_sum", typed, to, channels, parameters);
  }

  /** The output. */
  View output() {
    return new View(binding.output(), y().pitch());
  }

  /** Input {@code index}. */
  View input(int index) {
    return new View(binding.input(index), problem.input(index).pitch());
  }

  /** Bias, residual and ReLU of a convolution. */
  Epilogue epilogue(Op.Conv conv) {
    return new Epilogue(
        conv.bias() ? vector(conv.biasIndex()) : 0,
        conv.residual() ? input(conv.residualIndex()) : View.NONE,
        conv.relu() ? 1 : 0);
  }

  /** Address of the vector at {@code index}, constant or not, in fp32. */
  long vector(int index) {
    if (problem.input(index).layout() == Layout.DENSE) {
      return binding.input(index);
    }
    int length = Math.toIntExact(problem.input(index).shape().elements());
    return binding.vector(index, DType.FP32, length);
  }

  /**
   * Address of the filters at {@code index}, constant or not, as KRSC in x's type, channels rounded
   * up to 8.
   */
  long filters(int index) {
    if (problem.input(index).layout() == Layout.FILTERS) {
      return binding.input(index);
    }
    return FilterPacking.of(problem.input(index).shape(), x().dtype()).upload(binding, index);
  }

  /** Whether the kernels' indices, of which pipeline.cuh keeps 30 bits, reach every pixel. */
  static boolean indexable(Operand operand) {
    return switch (operand.layout()) {
      case NHWC, NCHW -> operand.shape().pixels() <= MOST_PIXELS;
      case PARAMETER, DENSE, FILTERS -> true;
    };
  }
}
