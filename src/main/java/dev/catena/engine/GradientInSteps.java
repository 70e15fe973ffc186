package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.TrainingOp.ConvDgrad;
import dev.catena.graph.TrainingOp.ConvWgrad;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A gradient of a convolution by an engine that knows nothing of prologues and sums, another before
 * or behind it, and a value between them in memory:
 *
 * <pre>
 * wgrad(g, x through a prologue)    =  z = prologue(x);  wgrad(g, z)
 * dgrad(g) through a prologue of x  =  z = dgrad(g);     scale-shift-backward(z, x)
 * a + dgrad(g)                      =  z = dgrad(g);     z + a
 * </pre>
 *
 * <p>In fp32 alone: z would be rounded once more than in one kernel. Its bytes are in the
 * workspace. Thread-safe.
 */
public final class GradientInSteps implements Engine {
  private static final long ALIGNMENT = 256;

  private final Engine convolutions;
  private final Engine others;
  private final long limit;

  /**
   * An engine of two.
   *
   * @param convolutions computes gradients of plain convolutions
   * @param others computes prologues, what leads back through them, and sums
   * @param limit bytes that the value between may take: memory is what training is short of
   */
  public GradientInSteps(Engine convolutions, Engine others, long limit) {
    this.convolutions = convolutions;
    this.others = others;
    this.limit = limit;
  }

  @Override
  public String name() {
    return convolutions.name() + "-steps";
  }

  @Override
  public Optional<String> absent() {
    return convolutions.absent().or(others::absent);
  }

  /**
   * One of the two.
   *
   * @param inputs of the whole problem; {@link #BETWEEN} for z
   */
  private record Part(Engine engine, Problem problem, List<Integer> inputs) {
    static final int BETWEEN = -1;
  }

  /** Empty where there is nothing to be taken apart. */
  private List<Part> parts(Problem problem) {
    return switch (problem.op()) {
      case ConvWgrad w when w.conv().prologue() != Op.Prologue.NONE -> weights(problem, w.conv());
      case ConvDgrad d when d.conv().prologue() != Op.Prologue.NONE -> {
        boolean relu = d.conv().prologue() == Op.Prologue.SCALE_SHIFT_RELU;
        yield data(problem, d, new TrainingOp.ScaleShiftBackward(relu, d.accumulate()));
      }
      case ConvDgrad d when d.accumulate() -> data(problem, d, new Op.Add(false));
      default -> List.of();
    };
  }

  private List<Part> weights(Problem problem, Op.Conv conv) {
    Operand x = problem.input(1);
    Operand z = Operand.packed(x.shape(), x.dtype());
    Op prologue = new Op.ScaleShift(conv.prologue() == Op.Prologue.SCALE_SHIFT_RELU);
    Op gradient = new ConvWgrad(conv.withPrologue(Op.Prologue.NONE));
    return List.of(
        new Part(
            others,
            new Problem(prologue, problem.inputs().subList(1, problem.inputs().size()), z),
            List.of(1, 2, 3)),
        new Part(
            convolutions,
            problem.part(gradient, List.of(problem.input(0), z), problem.output()),
            List.of(0, Part.BETWEEN)));
  }

  /** {@code behind} takes z and whatever is behind g and w. */
  private List<Part> data(Problem problem, ConvDgrad op, Op behind) {
    Operand z = Operand.packed(problem.output().shape(), problem.output().dtype());
    Op.Conv plain = op.conv().withPrologue(Op.Prologue.NONE);
    List<Operand> operands = new ArrayList<>(List.of(z));
    List<Integer> inputs = new ArrayList<>(List.of(Part.BETWEEN));
    for (int i = 2; i < problem.inputs().size(); i++) {
      operands.add(problem.input(i));
      inputs.add(i);
    }
    return List.of(
        new Part(
            convolutions,
            problem.part(
                new ConvDgrad(plain, op.height(), op.width(), false),
                problem.inputs().subList(0, 2),
                z),
            List.of(0, 1)),
        new Part(others, new Problem(behind, operands, problem.outputs()), inputs));
  }

  @Override
  public Offers offers(Problem problem, Device device) {
    List<Part> parts = parts(problem);
    if (parts.isEmpty()) {
      return new Offers.Refusal("has nothing to do before or behind " + convolutions.name());
    }
    if (problem.input(0).dtype() != DType.FP32) {
      return new Offers.Refusal("what lies between two steps would be rounded to 16 bits");
    }
    Operand z = parts.getFirst().problem().output();
    long between = Math.ceilDiv(z.bufferElements() * z.dtype().bytes(), ALIGNMENT) * ALIGNMENT;
    if (between > limit) {
      return new Offers.Refusal(
          "%d bytes between two steps are more than %d".formatted(between, limit));
    }
    List<Offer> offers = new ArrayList<>();
    for (Part part : parts) {
      switch (part.engine().offers(part.problem(), device)) {
        case Offers.Some some -> offers.add(some.preferred());
        case Offers.Refusal refusal -> {
          return refusal;
        }
      }
    }
    long most = offers.stream().mapToLong(Offer::workspace).max().orElse(0);
    return Offers.of(
        new Offer(name(), between + most, binding -> prepare(parts, offers, binding, between)));
  }

  private static Work prepare(List<Part> parts, List<Offer> offers, Binding binding, long between) {
    List<Work> works = new ArrayList<>();
    long free = binding.workspace() + between;
    try {
      for (int i = 0; i < offers.size(); i++) {
        works.add(offers.get(i).prepare(new Bound(parts.get(i).inputs(), i == 0, binding, free)));
      }
      return new Both(works);
    } catch (RuntimeException | Error e) {
      works.forEach(Work::close);
      throw e;
    }
  }

  /**
   * The whole problem's addresses, as one of the two sees them; z is where its workspace begins.
   */
  private record Bound(List<Integer> inputs, boolean first, Binding whole, long free)
      implements Binding {
    @Override
    public long input(int index) {
      int of = inputs.get(index);
      return of == Part.BETWEEN ? whole.workspace() : whole.input(of);
    }

    @Override
    public long output(int index) {
      return first ? whole.workspace() : whole.output(index);
    }

    @Override
    public long workspace() {
      return free;
    }

    @Override
    public float[] values(int index) {
      return whole.values(inputs.get(index));
    }

    @Override
    public long constant(int index, String layout, long bytes, Packer packer) {
      return whole.constant(inputs.get(index), layout, bytes, packer);
    }
  }

  private record Both(List<Work> works) implements Work {
    @Override
    public void enqueue(Stream stream) {
      for (Work work : works) {
        work.enqueue(stream);
      }
    }

    @Override
    public int launches() {
      return works.stream().mapToInt(Work::launches).sum();
    }

    @Override
    public void close() {
      works.forEach(Work::close);
    }
  }
}
