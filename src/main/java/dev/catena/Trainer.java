package dev.catena;

import dev.catena.collective.Collective;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.HostMemory;
import dev.catena.device.Stream;
import dev.catena.engine.Engines;
import dev.catena.engine.Work;
import dev.catena.error.OutOfDeviceMemoryException;
import dev.catena.error.ParameterException;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.io.datasets.DataSet;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.TrainingPlan;
import dev.catena.plan.TrainingState;
import dev.catena.rewrite.Rewrite;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A network in training: its parameters on a device, and a step captured over planned memory.
 *
 * <p>Not thread-safe. Equal steps of equal trainers on one device give equal bits.
 */
public final class Trainer implements AutoCloseable {
  private final Device device;
  private final Training options;
  private final Program program;
  private final TrainingState layout;
  private final Port images;
  private final Port labels;
  private final Port logits;

  /** Resources to be closed, the last first. */
  private final Deque<Runnable> opened = new ArrayDeque<>();

  private final Stream stream;
  private final StateMemory state;
  private final long arenaBytes;
  private final Addresses addresses;
  private final StepScalars numbers;
  private final List<Work> works;
  private final Optimizer optimizer;
  private final Ranks ranks;
  private final StepGraphs graphs;
  private final StepEvent event;
  private final MemorySegment labelValues;
  private final Graph network;
  private @Nullable Function<Parameters, Session> tester;
  private Map<String, String> settings = Map.of();
  private Optional<Path> resumed = Optional.empty();
  private LossScale lossScale;
  private long steps;
  private boolean closed;

  private Trainer(
      Program program,
      TrainingState layout,
      Graph network,
      Training options,
      Device device,
      Ranks ranks) {
    this.device = device;
    this.ranks = ranks;
    this.network = network;
    this.options = options;
    this.program = program;
    this.layout = layout;
    lossScale = LossScale.initial(options.dtype());
    Graph step = program.plan().graph();
    try {
      stream = device.newStream();
      opened.push(stream::close);
      long before = device.usedMemory();
      DeviceMemory arena = device.allocate(plan().peakBytes());
      opened.push(arena::close);
      arenaBytes = device.usedMemory() - before;
      state = new StateMemory(device, layout, options.dtype(), step.parameters());
      opened.push(state::close);
      addresses = new Addresses(plan(), arena.address(), layout.addresses(state.address()));
      images = new Port("images", step.inputs().getFirst(), addresses);
      labels = new Port("labels", input("labels").orElseThrow(), addresses);
      logits = new Port("logits", step.outputs().get(1), addresses);
      numbers =
          new StepScalars(
              device,
              state.address() + layout.numbers(),
              addresses,
              input("loss.gradient").orElseThrow(),
              input("random"));
      opened.push(numbers::close);
      HostMemory pinned = device.allocateHost(labels.bytes());
      opened.push(pinned::close);
      labelValues = pinned.segment();
      works = Binder.bind(program, addresses);
      opened.push(() -> works.forEach(Work::close));
      long loss = addresses.of(step.outputs().getFirst());
      optimizer = new Optimizer(device, layout, options.dtype(), state.address(), loss);
      state.clear(stream);
      if (device.kind() == Device.Kind.CUDA) {
        // Once without capturing: libraries load kernels and take memory. The host's do not.
        stream.fill(arena.address(), (byte) 0, arena.bytes());
        enqueue();
        state.clear(stream);
      }
      stream.synchronize();
      graphs =
          new StepGraphs(
              device,
              stream,
              program,
              works,
              optimizer,
              addresses,
              layout,
              state.address(),
              ranks,
              options.synchronised());
      opened.push(graphs::close);
      long planned = plan().peakBytes() + layout.bytes();
      long sent = images.bytes() + labels.bytes();
      event = new StepEvent(step.name(), device.id(), graphs.nodes(), planned, sent);
    } catch (RuntimeException | Error e) {
      if (!opened.isEmpty()) {
        drain(e); // launches of the first run may still use the memory that is freed now
      }
      close();
      throw e;
    }
  }

  /**
   * Compiles a step: lowers and differentiates the network, rewrites it as the policy says, chooses
   * engines, plans, allocates, uploads, captures.
   *
   * @param source the network
   * @param parameters that training begins with
   * @param options how
   * @param engines who may compute
   * @throws OutOfDeviceMemoryException with what is planned and free, and the batch that would fit
   * @throws dev.catena.error.UnsupportedOnDeviceException naming an operation that no engine has
   * @throws dev.catena.error.GraphException if the network cannot be trained
   * @throws ParameterException if the parameters give too few or too many values
   */
  static Trainer compile(
      GraphSource source, Parameters parameters, Training options, Engines engines, Device device) {
    return compile(source, parameters, options, engines, device, Collective.alone());
  }

  /** The same as one rank of several, with the parameters of rank 0. */
  static Trainer compile(
      GraphSource source,
      Parameters parameters,
      Training options,
      Engines engines,
      Device device,
      Collective collective) {
    Compiler compiler = Compiler.training(options.precision(), engines);
    // Ranks merge statistics in the order of one graph, whatever each has measured.
    boolean asItIs = options.synchronised() && collective.size() > 1;
    Rewrite adapt = asItIs ? graph -> graph : compiler.fusions();
    return compile(source, parameters, options, engines, device, collective, adapt);
  }

  /** The steps of training on a batch and who would compute them, without taking memory. */
  static List<Step> steps(GraphSource source, Training options, Engines engines, Device device) {
    Compiler compiler = Compiler.training(options.precision(), engines);
    Graph step = options.step(source, options.batch(), compiler.fusions());
    TrainingState state = TrainingPlan.of(step, options.dtype()).state();
    List<Step> steps = compiler.compile(step, state.values()).steps();
    engines.remember();
    return steps;
  }

  /** The same where {@code adapt} makes of a step what the device does better. */
  static Trainer compile(
      GraphSource source,
      Parameters parameters,
      Training options,
      Engines engines,
      Device device,
      Rewrite adapt) {
    return compile(source, parameters, options, engines, device, Collective.alone(), adapt);
  }

  private static Trainer compile(
      GraphSource source,
      Parameters parameters,
      Training options,
      Engines engines,
      Device device,
      Collective collective,
      Rewrite adapt) {
    Ranks ranks = new Ranks(collective, device, options.batch());
    Trainer trainer;
    try {
      Map<String, Object> facts = options.facts();
      facts.put("model", options.network(source).parameters());
      ranks.requireSame(facts);
      trainer = ranks.firstRankFirst(() -> compile(source, options, engines, device, ranks, adapt));
    } catch (RuntimeException | Error e) {
      ranks.close();
      throw e;
    }
    try {
      trainer.state.initialize(parameters);
      trainer.broadcastState();
      return trainer;
    } catch (RuntimeException | Error e) {
      trainer.close();
      throw e;
    }
  }

  private static Trainer compile(
      GraphSource source,
      Training options,
      Engines engines,
      Device device,
      Ranks ranks,
      Rewrite adapt) {
    int images = ranks.images();
    Graph network = options.network(source);
    Graph step = options.step(source, images, adapt);
    TrainingPlan least = TrainingPlan.of(step, options.dtype());
    requireFit(least.bytes(), 0, source, options, images, device);
    Program program =
        Compiler.training(options.precision(), engines).compile(step, least.state().values());
    engines.remember();
    long scratch = program.plan().peakBytes() - least.step().peakBytes();
    requireFit(least.bytes() + scratch, scratch, source, options, images, device);
    return new Trainer(program, least.state(), network, options, device, ranks);
  }

  private static void requireFit(
      long bytes, long scratch, GraphSource source, Training options, int images, Device device) {
    MemoryCheck.require(
        device, bytes, images, batch -> plan(source, options, batch).bytes() + scratch);
  }

  private void broadcastState() {
    ranks.broadcast(state.address(), layout.bytes() / Float.BYTES);
  }

  /** The memory of training where no step needs scratch memory; needs no device. */
  static TrainingPlan plan(GraphSource source, Training options) {
    return plan(source, options, options.batch());
  }

  private static TrainingPlan plan(GraphSource source, Training options, int batch) {
    return TrainingPlan.of(options.step(source, batch), options.dtype());
  }

  /**
   * Trains on one batch. Where the gradients' norm is not finite the parameters stay as they are,
   * though not the running statistics.
   *
   * <p>Allocates nothing on the Java heap but its result. Native segments are copied from directly;
   * heap segments are staged.
   *
   * @param batch fp32, N,C,H,W; of several ranks each gives its share
   * @param classes N labels, from 0
   * @throws IllegalArgumentException if there are not as many images or labels as in a batch, or a
   *     label is no class
   * @throws IllegalStateException after {@link #close}
   * @throws dev.catena.error.DeviceLostException if the device failed, now or before
   */
  public StepResult step(MemorySegment batch, int[] classes, float learningRate) {
    requireBatch(batch, classes);
    event.begin();
    numbers.set(options, learningRate, lossScale.value(), steps, ranks);
    try {
      upload(batch);
      graphs.launch();
      numbers.fetch(stream);
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    }
    stream.synchronize();
    steps++;
    boolean applied = Float.isFinite(numbers.norm());
    lossScale = lossScale.after(applied, steps);
    float loss = (float) ranks.mean(numbers.loss());
    StepResult result = new StepResult(loss, numbers.norm(), applied, lossScale.value());
    event.commit(steps - 1, learningRate, result);
    return result;
  }

  /** The same from an array, N,C,H,W. */
  public StepResult step(float[] batch, int[] classes, float learningRate) {
    return step(MemorySegment.ofArray(batch), classes, learningRate);
  }

  private void upload(MemorySegment batch) {
    stream.copyToDevice(images.address(), batch);
    stream.copyToDevice(labels.address(), labelValues);
    numbers.send(stream);
  }

  private void enqueue() {
    for (Work work : works) {
      work.enqueue(stream);
    }
    optimizer.enqueue(stream);
  }

  /** Waits, after {@code failure}, for what was enqueued before: it may still read the batch. */
  private void drain(Throwable failure) {
    try {
      stream.synchronize();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** Checks a batch, and writes its labels where they are uploaded from. */
  private void requireBatch(MemorySegment batch, int[] classes) {
    requireOpen();
    images.require(batch);
    if (classes.length != ranks.images()) {
      throw new IllegalArgumentException(
          "a batch has %d labels, not %d".formatted(ranks.images(), classes.length));
    }
    int count = classes();
    for (int i = 0; i < classes.length; i++) {
      int label = classes[i];
      if (label < 0 || label >= count) {
        throw new IllegalArgumentException(
            "label %s of image %d is none of the classes 0 to %d".formatted(label, i, count - 1));
      }
      labelValues.setAtIndex(ValueLayout.JAVA_FLOAT, i, label);
    }
  }

  /** An input or output of a step in the user's layout. */
  private record Port(String name, Shape shape, long address, long bytes) {
    Port(String name, Value value, Addresses addresses) {
      long bytes = value.shape().elements() * Float.BYTES;
      this(name, value.shape(), addresses.of(value), bytes);
    }

    void require(MemorySegment segment) {
      if (segment.byteSize() != bytes) {
        throw new IllegalArgumentException(
            "the %s of a batch take %d bytes, %s in fp32, not %d"
                .formatted(name, bytes, shape, segment.byteSize()));
      }
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the trainer is closed");
    }
  }

  private Optional<Value> input(String name) {
    return plan().graph().inputs().stream().filter(v -> v.name().equals(name)).findFirst();
  }

  /**
   * Fills {@code target} with the logits of the last step, computed before it changed parameters.
   *
   * @param target N x classes fp32
   */
  public void logits(MemorySegment target) {
    requireOpen();
    logits.require(target);
    stream.copyToHost(target, logits.address());
    stream.synchronize();
  }

  /**
   * Computes the last step once more, without changing anything, and stops at the first value that
   * is NaN or infinite.
   *
   * @param batch as {@link #step} had it
   * @param classes its labels
   * @return the name of a parameter, or of the step of the graph; empty if all are finite
   */
  public Optional<String> firstNonFinite(MemorySegment batch, int[] classes) {
    requireBatch(batch, classes);
    Map<String, float[]> parameters = parameters();
    for (TrainingState.Slot slot : layout.trainable()) { // A step reads no running statistics.
      String name = slot.parameter().name();
      if (!Finite.all(parameters.get(name))) {
        return Optional.of(name);
      }
    }
    upload(batch);
    List<Node> computing = program.computing();
    for (int i = 0; i < works.size(); i++) {
      Node node = computing.get(i);
      boolean updates =
          node.op() instanceof TrainingOp.RunningMean
              || node.op() instanceof TrainingOp.RunningVariance;
      if (!updates) {
        works.get(i).enqueue(stream);
        if (!Finite.all(node, addresses, stream)) {
          return Optional.of(node.name());
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Times the forward and backward pass, step by step of the graph, outside the captured graph;
   * what is trained stays as it is.
   *
   * @param rounds of which the medians are taken
   */
  public List<StepTime> profile(MemorySegment batch, int[] classes, int rounds) {
    requireBatch(batch, classes);
    Map<String, float[]> parameters = state.weights();
    Map<String, float[]> momentum = state.momentum();
    try (Profiler profiler = new Profiler(program.steps(), works, stream, device)) {
      upload(batch);
      return profiler.measure(rounds);
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    } finally {
      state.restore(parameters, momentum); // The running statistics counted every round.
    }
  }

  /**
   * Trains over epochs: loads batches ahead, follows the schedule, tests after each epoch, saves,
   * stops early. It goes on from where the trainer is: after {@link #resume} it gives the bits that
   * the whole run would have given.
   *
   * <p>Images are normalised as the data asks for, on the host unless {@link Training#augment} has
   * the device do it. To test, the network is compiled for inference beside the trainer while this
   * runs.
   *
   * @param data images and labels that fit the network; not closed
   * @param how how long, how fast
   * @return the epochs of this call
   * @throws IllegalArgumentException if the data does not fit the network or the batch
   * @throws IOException if an image cannot be read, or a checkpoint not be written
   * @throws dev.catena.error.FormatException if a file of the data is damaged, or a checkpoint that
   *     this run resumes is of a run with another batch, seed or number of images
   * @throws dev.catena.error.NonFiniteException if loss or gradients are not finite, naming step
   *     and layer
   */
  public List<Fit.Epoch> fit(DataSet data, Fit how) throws IOException {
    return fit(data, how, new Fit.Listener() {});
  }

  /** The same with someone who hears of each step and epoch. */
  public List<Fit.Epoch> fit(DataSet data, Fit how, Fit.Listener listener) throws IOException {
    requireOpen();
    DataSet suited = suited(data);
    boolean tested = tester != null && data.test().isPresent() && ranks.rank() == 0;
    try (Session session = tested ? tester.apply(Parameters.of(parameters())) : null) {
      return new TrainingRun(this, suited, how, Optional.ofNullable(session)).run(listener);
    }
  }

  private DataSet suited(DataSet data) {
    Shape taken = images.shape();
    Shape given = data.image();
    if (given.h() != taken.h() || given.w() != taken.w()) {
      throw new IllegalArgumentException(
          "%s has images of %d x %d, the trainer takes %d x %d; say Training.image(%d, %d)"
              .formatted(
                  data.name(), given.h(), given.w(), taken.h(), taken.w(), given.h(), given.w()));
    } else if (data.classes() > classes()) {
      throw new IllegalArgumentException(
          "%s has %d classes, the network tells %d apart"
              .formatted(data.name(), data.classes(), classes()));
    }
    return data.withChannels(taken.c());
  }

  /** This trainer, which tests with what {@code compiled} makes of its parameters. */
  Trainer testedBy(Function<Parameters, Session> compiled) {
    tester = compiled;
    return this;
  }

  /**
   * Writes a checkpoint: a safetensors file of weights, with momentum and the position in the run
   * besides. Whatever goes wrong, a file that was there stays as it was.
   *
   * @throws IOException naming the file if it cannot be written, as on a full disk
   */
  public void save(Path file) throws IOException {
    new Checkpoint(parameters(), momentum(), steps, lossScale(), settings).write(file, network);
  }

  /**
   * Goes on from a checkpoint: with the same choice of engines ({@link Training#tuned}) the next
   * step gives the bits that the next step of its run would have given.
   *
   * @throws IOException if the file cannot be read
   * @throws dev.catena.error.ModelFormatException if it is damaged, no checkpoint, or another
   *     network's
   */
  public void resume(Path file) throws IOException {
    Checkpoint checkpoint = Checkpoint.read(file, network);
    restore(
        checkpoint.parameters(), checkpoint.momentum(), checkpoint.steps(), checkpoint.lossScale());
    settings = checkpoint.settings();
    resumed = Optional.of(file);
  }

  /** The checkpoint that was resumed and not yet trained further. */
  Optional<Path> resumed() {
    return resumed;
  }

  /** Settings of the run that made the parameters; empty if there was none. */
  Map<String, String> settings() {
    return settings;
  }

  /** Takes the settings of the run under way, for checkpoints. */
  void remember(Map<String, String> run) {
    settings = Map.copyOf(run);
    resumed = Optional.empty();
  }

  /** Steps taken, those among them that changed nothing. */
  public long steps() {
    return steps;
  }

  /** The loss scale of the next step; 1 but in fp16. */
  public float lossScale() {
    return lossScale.value();
  }

  /** All parameters, running statistics included, by name; in the checkpoint's order. */
  public Map<String, float[]> parameters() {
    requireOpen();
    return state.weights();
  }

  /** The velocities of all trainable parameters, by name; in the checkpoint's order. */
  public Map<String, float[]> momentum() {
    requireOpen();
    return state.momentum();
  }

  /**
   * The gradients of all trainable parameters in the last step, times its loss scale, by name; in
   * the checkpoint's order.
   */
  public Map<String, float[]> gradients() {
    requireOpen();
    return state.gradients();
  }

  /**
   * Continues where another trainer was: the next step gives the bits that its next would have.
   *
   * @param parameters what {@link #parameters} gave
   * @param momentum what {@link #momentum} gave; empty to begin without
   * @param taken its steps
   * @param scale its {@link #lossScale}
   * @throws ParameterException naming what is missing or has another size; nothing changed
   */
  public void restore(
      Map<String, float[]> parameters, Map<String, float[]> momentum, long taken, float scale) {
    requireOpen();
    state.restore(parameters, momentum);
    broadcastState();
    steps = taken;
    lossScale = lossScale.with(scale);
  }

  /** Floats of one image, C,H,W, as {@link #step} takes it. */
  public int imageSize() {
    return Math.toIntExact(images.shape().withImages(1).elements());
  }

  /** Classes that the network tells apart. */
  public int classes() {
    return logits.shape().c();
  }

  /** The ranks that train together. */
  Ranks ranks() {
    return ranks;
  }

  /** Its options. */
  public Training options() {
    return options;
  }

  /** The device that it trains on. */
  public Device device() {
    return device;
  }

  /** The arena of a step: activations, their gradients, scratch. */
  public MemoryPlan plan() {
    return program.plan();
  }

  /** The layout of what is kept from step to step. */
  public TrainingState state() {
    return layout;
  }

  /** Bytes that the device's allocator handed out for the arena. */
  public long arenaBytes() {
    return arenaBytes;
  }

  /** Bytes that the device's allocator handed out for parameters, momentum and gradients. */
  public long stateBytes() {
    return state.measuredBytes();
  }

  /** The engine of each step, in order. */
  public List<StepEngine> engines() {
    return program.engines();
  }

  /** Launches of one step: kernels, library calls and copies in its graph. */
  public int launches() {
    return graphs.nodes();
  }

  /** Gives everything back; the second time does nothing. */
  @Override
  public void close() {
    closed = true;
    while (!opened.isEmpty()) {
      opened.pop().run();
    }
    ranks.close();
  }
}
