package dev.catena;

import dev.catena.collective.Collective;
import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Heads;
import dev.catena.graph.NamePatterns;
import dev.catena.graph.Network;
import dev.catena.io.Preprocessing;
import dev.catena.io.SafeTensors;
import dev.catena.model.NetworkWithClasses;
import dev.catena.model.SizedNetwork;
import dev.catena.onnx.OnnxWriter;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A network with weights. Immutable and thread-safe; it closes the file that it has opened for its
 * weights. A session has its own copy of the weights.
 */
public final class Model implements AutoCloseable {
  private final Network network;
  private final Parameters parameters;
  private final Runnable release;
  private final Supplier<Optional<Preprocessing>> preprocessing;

  /** The parameters of another classifier than the network's, by name. */
  private final Set<String> replaced;

  private final Optional<LoadedWeights> loaded;

  Model(Network network, Parameters parameters, Runnable release) {
    this(network, parameters, release, Set.of(), Optional.empty(), Optional::empty);
  }

  private Model(
      Network network,
      Parameters parameters,
      Runnable release,
      Set<String> replaced,
      Optional<LoadedWeights> loaded,
      Supplier<Optional<Preprocessing>> preprocessing) {
    this.preprocessing = preprocessing;
    this.network = network;
    this.parameters = parameters;
    this.release = release;
    this.replaced = replaced;
    this.loaded = loaded;
  }

  /** Its name in the catalogue. */
  public String name() {
    return network.name();
  }

  /**
   * How pictures are prepared, if a file beside the weights says so.
   *
   * @throws ModelFormatException if it says something that Catena does not do
   */
  public Optional<Preprocessing> preprocessing() {
    return preprocessing.get();
  }

  /** Its definition. */
  public Network network() {
    return network;
  }

  /**
   * This model with the weights of a file, which it opens now and closes at {@link #close}. How
   * pictures are prepared is read from {@code preprocessor_config.json} or timm's {@code
   * config.json} where one lies beside it.
   *
   * @param file safetensors; names and shapes as torchvision has them, of any real type; timm's
   *     classifier of VGG, {@code num_batches_tracked} and the older names with {@code norm.1} are
   *     understood
   * @param optional the parameters that keep their values where the file does not have them in the
   *     network's shape, and the tensors that the network does not need: names of parameters, or of
   *     layers and blocks for all of theirs, with {@code *} for any text. After {@link #classes}
   *     the classifier is optional. {@link #loaded} says what was taken
   * @throws IOException if the file cannot be read
   * @throws ModelFormatException if it is damaged, or naming every other tensor that is missing,
   *     unexpected or of the wrong shape
   */
  public Model load(Path file, String... optional) throws IOException {
    SafeTensors opened = SafeTensors.open(file);
    try {
      Runnable close =
          () -> {
            opened.close();
            release.run();
          };
      return loaded(opened, optional, close, prepared(file));
    } catch (RuntimeException | IOException e) {
      opened.close();
      throw e;
    }
  }

  /** A file that says what Catena does not do is an error only where pictures are prepared. */
  private static Supplier<Optional<Preprocessing>> prepared(Path weights) throws IOException {
    try {
      Optional<Preprocessing> found = Preprocessing.beside(weights);
      return () -> found;
    } catch (ModelFormatException e) {
      return () -> {
        throw e;
      };
    }
  }

  /** The same of an open file, which the caller closes when nothing more is to be compiled. */
  public Model load(SafeTensors file, String... optional) {
    return loaded(file, optional, release, Optional::empty);
  }

  private Model loaded(
      SafeTensors file,
      String[] optional,
      Runnable close,
      Supplier<Optional<Preprocessing>> prepared) {
    NamePatterns patterns = new NamePatterns(List.of(optional));
    StoredParameters stored =
        new StoredParameters(
            file,
            graph(1, 0, 0, DType.FP32),
            trainingGraph(1, 0, 0, DType.FP32),
            name -> replaced.contains(name) || patterns.matches(name),
            parameters);
    return new Model(network, stored, close, replaced, Optional.of(stored.loaded()), prepared);
  }

  /** What {@link #load} took; empty if nothing was loaded. */
  public Optional<LoadedWeights> loaded() {
    return loaded;
  }

  /**
   * This model with another classifier, and auxiliary ones, for so many classes. Their weights are
   * drawn from seed 0; all others stay.
   *
   * @param count of classes
   */
  public Model classes(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("a network has at least one class: " + count);
    }
    Set<String> heads = Heads.parameters(trainingGraph(1, 0, 0, DType.FP32));
    Parameters drawn = Parameters.initial(0);
    return new Model(
        new NetworkWithClasses(network, count),
        parameter ->
            heads.contains(parameter.name())
                ? drawn.values(parameter)
                : parameters.values(parameter),
        release,
        heads,
        loaded,
        preprocessing);
  }

  /**
   * This model for images of another size than it was designed for, or than its file leaves open.
   *
   * @param height of an image in pixels
   * @param width of an image in pixels
   */
  public Model sized(int height, int width) {
    return new Model(
        new SizedNetwork(network, height, width),
        parameters,
        release,
        replaced,
        loaded,
        preprocessing);
  }

  /** This model with initial weights drawn from {@code seed}. */
  public Model initialise(long seed) {
    return with(Parameters.initial(seed));
  }

  /** This model with weights from anywhere. */
  public Model with(Parameters weights) {
    return new Model(network, weights, () -> {}, replaced, Optional.empty(), preprocessing);
  }

  /**
   * Prepares the model to run on a device.
   *
   * @throws dev.catena.error.OutOfDeviceMemoryException with what is planned and free, and the
   *     batch that would fit
   */
  public Session compile(Device device, Inference options) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    return Session.compile(
        this::graph, parameters, options.otherwise(() -> preprocessing(options)), engines, device);
  }

  /**
   * Prepares the model to be trained on a device, beginning with its parameters.
   *
   * @throws dev.catena.error.OutOfDeviceMemoryException with what is planned and free, and the
   *     batch that would fit
   * @throws dev.catena.error.UnsupportedOnDeviceException naming an operation that no engine has
   */
  public Trainer train(Device device, Training options) {
    return train(device, options, Collective.alone());
  }

  /**
   * The same as one rank of several, which call it together: each has its share of every batch,
   * gradients are added up over all, and all have the same parameters, those of rank 0 at first.
   * Running statistics are those of the rank's own images unless they are {@link
   * Training#synchronised}.
   *
   * @param ranks not closed
   * @throws dev.catena.error.RankFailedException if a rank has other options or another model
   */
  public Trainer train(Device device, Training options, Collective ranks) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    return Trainer.compile(this::trainingGraph, parameters, options, engines, device, ranks)
        .testedBy(trained -> with(trained).compile(device, options.inference()));
  }

  /** The memory of training as handwritten kernels need it, without a device. */
  public TrainingPlan plan(Training options) {
    return Trainer.plan(this::trainingGraph, options);
  }

  /**
   * The memory of the largest batch as handwritten kernels need it, without a device. A session
   * adds the scratch memory of the engines that it chooses.
   */
  public MemoryPlan plan(Inference options) {
    return Session.plan(this::graph, options).getLast();
  }

  /** The steps of the largest batch and who would compute them, without taking memory. */
  public List<Step> steps(Device device, Inference options) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    return Session.steps(this::graph, options, engines, device);
  }

  /** The same of a step of training. */
  public List<Step> steps(Device device, Training options) {
    Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
    return Trainer.steps(this::trainingGraph, options, engines, device);
  }

  /**
   * Writes it as an ONNX model for any batch of images of its own size. Needs {@code
   * com.google.protobuf:protobuf-java}.
   *
   * @throws dev.catena.error.GraphException naming the node if ONNX has no operator for one
   * @throws IOException if the file cannot be written; it is then as it was
   */
  public void exportOnnx(Path file) throws IOException {
    OnnxWriter.write(network.graph(1, DType.FP32), parameters::values, file);
  }

  /** That of a file, where it is for images of the size that is compiled. */
  private Optional<Preprocessing> preprocessing(Inference options) {
    return preprocessing()
        .filter(
            how -> how.crop() == (options.height() == 0 ? network.imageSize() : options.height()));
  }

  private Graph graph(int batch, int height, int width, DType dtype) {
    return height == 0 ? network.graph(batch, dtype) : network.graph(batch, height, width, dtype);
  }

  private Graph trainingGraph(int batch, int height, int width, DType dtype) {
    return height == 0
        ? network.trainingGraph(batch, dtype)
        : network.trainingGraph(batch, height, width, dtype);
  }

  /**
   * Closes the file that {@link #load(Path, String...)} opened; after that nothing more is
   * compiled.
   */
  @Override
  public void close() {
    release.run();
  }
}
