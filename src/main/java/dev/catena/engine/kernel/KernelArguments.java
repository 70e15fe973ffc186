package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.engine.Operand;
import dev.catena.graph.Fields;
import dev.catena.graph.Op;
import dev.catena.graph.Role;
import dev.catena.graph.Shape;
import dev.catena.graph.Signature;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The parameters of our kernels that their names explain:
 *
 * <ul>
 *   <li>{@code y}, or {@code dx} and the like, the output, and inputs by their names in {@link
 *       Op#signature}; nothing where the operation has no such input
 *   <li>{@code scale}, {@code shift} and {@code rectify} of what is applied to an operand, {@code
 *       bias} and {@code residual} of a convolution, {@code mean} of a batch
 *   <li>{@code pixels}, {@code channels}, {@code area}, {@code images} and {@code rows} of the
 *       operand that the kernel passes over
 *   <li>fields of the operation, or of the one that it is a gradient of
 * </ul>
 */
final class KernelArguments {
  private final KernelCall call;
  private final Op op;
  private final Shape shape;
  private final List<String> inputs;

  private KernelArguments(KernelCall call, Op op, Operand over) {
    this.call = call;
    this.op = op;
    shape = over.shape();
    inputs = call.problem().op().signature().inputs().stream().map(Signature.Port::name).toList();
  }

  /** The arguments of a kernel for {@code op} that passes over {@code over}. */
  static Arguments of(KernelCall call, Op op, Operand over) {
    return Arguments.of(op.toString(), new KernelArguments(call, op, over)::value);
  }

  private Object value(String path) {
    List<String> names = Arrays.asList(path.split("\\."));
    String last = names.getLast();
    String outer = names.size() == 1 ? "" : names.get(names.size() - 2);
    return switch (last) {
      case "data" -> address(outer);
      case "pitch" -> pitch(outer);
      case "scale" -> address("s");
      case "shift" -> address("t");
      case "bias" -> address("b");
      case "mean" -> address("statistics");
      case "rectify" -> rectifies(outer);
      case "pixels" -> (int) shape.pixels();
      case "channels" -> shape.c();
      case "area" -> shape.h() * shape.w();
      case "images", "rows" -> shape.n();
      default -> isOutput(last) || inputs.contains(last) ? address(last) : Fields.number(op, last);
    };
  }

  private static boolean isOutput(String name) {
    return switch (name) {
      case "y", "dx", "dw", "dgate" -> true;
      default -> false;
    };
  }

  /** Index of the input; empty if there is none. */
  private Optional<Integer> index(String name) {
    int index = inputs.indexOf(name.equals("residual") ? "r" : name);
    return index < 0 ? Optional.empty() : Optional.of(index);
  }

  private long address(String name) {
    return isOutput(name) ? call.binding().output() : index(name).map(this::address).orElse(0L);
  }

  private long address(int index) {
    Role role = call.problem().op().signature().input(index).role();
    return switch (role) {
      case FILTERS -> call.filters(index);
      case SCALE, SHIFT, BIAS -> call.vector(index);
      default -> call.binding().input(index);
    };
  }

  private int pitch(String name) {
    return isOutput(name) ? call.y().pitch() : index(name).map(this::pitch).orElse(0);
  }

  private int pitch(int index) {
    Operand input = call.problem().input(index);
    boolean filters = call.problem().op().signature().input(index).role() == Role.FILTERS;
    return filters ? Operand.packedPitch(input.shape().dim(1)) : input.pitch();
  }

  private Object rectifies(String what) {
    return what.equals("prologue") && Fields.value(op, "prologue") instanceof Op.Prologue prologue
        ? prologue == Op.Prologue.SCALE_SHIFT_RELU
        : Fields.value(op, "relu");
  }
}
