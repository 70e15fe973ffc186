package dev.catena.cli;

import dev.catena.Fit;
import dev.catena.Model;
import dev.catena.Policy;
import dev.catena.Schedule;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.collective.Collective;
import dev.catena.collective.LocalCollective;
import dev.catena.collective.MpiCollective;
import dev.catena.device.Device;
import dev.catena.error.GraphException;
import dev.catena.error.NonFiniteException;
import dev.catena.error.RankFailedException;
import dev.catena.graph.Network;
import dev.catena.graph.Shape;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.DataSets;
import dev.catena.io.datasets.Normalization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Training, with evaluation, checkpoints and resume. */
@Command(
    name = "train",
    description = "Trains the model: stochastic gradient descent over epochs of a data set.",
    mixinStandardHelpOptions = true)
final class Train implements Callable<Integer> {
  /** Pixels of the black frame that images are cropped from. */
  private static final int PADDING = 4;

  @Mixin private ModelArguments arguments;
  @Mixin private DeviceArguments where;
  @Mixin private Output output;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "SET",
      description =
          "A folder with Fashion-MNIST, CIFAR-10, CIFAR-100 or pictures by class; a safetensors"
              + " file with `images` and `labels`; or an installed set's name: fashion-mnist.")
  private String place;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "1",
      converter = Choices.AtLeastOne.class,
      description = "Times to show all images (default: ${DEFAULT-VALUE}).")
  private int epochs;

  @Option(
      names = "--steps",
      paramLabel = "N",
      converter = Choices.AtLeastOne.class,
      description = "Batches to show instead.")
  private Integer steps;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      converter = Choices.AtLeastOne.class,
      description = "Images a step (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--lr",
      paramLabel = "X",
      defaultValue = "0.1",
      converter = Choices.Positive.class,
      description = "Learning rate (default: ${DEFAULT-VALUE}).")
  private double learningRate;

  @Option(
      names = "--momentum",
      paramLabel = "X",
      defaultValue = "0.9",
      converter = Choices.Share.class,
      description = "Share of the last step in the next (default: ${DEFAULT-VALUE}).")
  private double momentum;

  @Option(names = "--nesterov", description = "Look ahead along the momentum.")
  private boolean nesterov;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      defaultValue = "1e-4",
      converter = Choices.NotNegative.class,
      description = "Share of a parameter added to its gradient (default: ${DEFAULT-VALUE}).")
  private double weightDecay;

  @Option(
      names = "--smoothing",
      paramLabel = "X",
      defaultValue = "0",
      converter = Choices.Share.class,
      description = "Share of the label that goes to all classes (default: ${DEFAULT-VALUE}).")
  private double smoothing;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      defaultValue = "constant",
      description =
          "Of the learning rate: constant, cosine, step or step:0.5,0.75:0.1 (where in the run,"
              + " times what); warmup:0.05+ in front (default: ${DEFAULT-VALUE}).")
  private Schedule schedule;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      defaultValue = "fused",
      description = "unfused, in-place, fused or recompute (default: ${DEFAULT-VALUE}).")
  private Policy policy;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Of first weights, order, augmentation and dropout (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--weights", paramLabel = "FILE", description = "Begin with these weights.")
  private Optional<Path> weights;

  @Option(
      names = "--initialise",
      paramLabel = "NAME",
      split = ",",
      description =
          "Draw these parameters where --weights does not have them: names of parameters, or of"
              + " layers and blocks, with * for any text.")
  private String[] initialised = {};

  @Option(
      names = "--freeze",
      paramLabel = "NAME",
      split = ",",
      description =
          "Leave these parameters as they are, named likewise; features is all but the classifier.")
  private String[] frozen = {};

  @Option(names = "--save", paramLabel = "FILE", description = "Write checkpoints to this file.")
  private OutputFile save;

  @Option(
      names = "--save-every",
      paramLabel = "STEPS",
      converter = Choices.AtLeastOne.class,
      description = "Not only after each epoch.")
  private Integer saveEvery;

  @Option(names = "--resume", paramLabel = "FILE", description = "Go on from this checkpoint.")
  private Optional<Path> resume;

  @Option(
      names = "--patience",
      paramLabel = "EPOCHS",
      converter = Choices.AtLeastOne.class,
      description = "Stop after so many without a better test accuracy.")
  private Integer patience;

  @Option(
      names = "--sync-batch-norm",
      description = "Normalise over the images of all devices, not of each.")
  private boolean synchronised;

  @Option(names = "--no-augment", description = "Show images as they are: no crops, no flips.")
  private boolean plain;

  @Option(names = "--no-shuffle", description = "Show images in the order of the files.")
  private boolean unshuffled;

  @Option(
      names = "--skip-unreadable",
      description = "Go on without files of a data folder that are no readable pictures.")
  private boolean skipUnreadable;

  @Option(names = "--log", paramLabel = "FILE.csv", description = "Write a line for every step.")
  private OutputFile log;

  @Option(
      names = "--chart",
      paramLabel = "FILE.svg",
      description = "Draw the run (default: the log's name with .svg).")
  private OutputFile chart;

  @Override
  public Integer call() throws IOException {
    if (save != null) {
      save.requireOrdinary("--save");
    }
    if (saveEvery != null && save == null) {
      throw new UserException("--save-every says when --save writes: give --save FILE");
    }
    if (resume.isPresent() && !Files.exists(resume.get())) {
      throw new NoSuchFileException(resume.get().toString());
    }
    if (initialised.length > 0 && weights.isEmpty()) {
      throw new UserException("--initialise is for what --weights lacks: give --weights FILE");
    }
    if (weights.isPresent() && resume.isPresent()) {
      throw new UserException("give either --weights or --resume: a checkpoint has its weights");
    }
    List<String> devices = where.names();
    try (Interruption interruption = new Interruption(stopping())) {
      Optional<MpiCollective> launched = MpiCollective.launched();
      if (launched.isPresent()) {
        return train(launched.get(), devices, interruption);
      } else if (devices.size() == 1) {
        train(Collective.alone(), devices.getFirst(), interruption);
      } else {
        LocalCollective.run(
            devices.size(), ranks -> train(ranks, devices.get(ranks.rank()), interruption));
      }
    }
    return 0;
  }

  /**
   * As a process among others. What ends all ranks alike is said by the first; what ends this one
   * alone ends the others.
   */
  private int train(MpiCollective ranks, List<String> devices, Interruption interruption)
      throws IOException {
    try {
      train(ranks, devices.get(ranks.localRank() % devices.size()), interruption);
      ranks.close();
      return 0;
    } catch (RankFailedException | NonFiniteException e) {
      ranks.close();
      if (ranks.rank() == 0) {
        throw e;
      }
      return Main.BAD_INPUT;
    } catch (IOException | RuntimeException | Error e) {
      String sentence = Explanation.of(e).orElseGet(e::toString);
      output.say("rank %d failed: %s".formatted(ranks.rank(), sentence));
      ranks.abort(e);
      throw e;
    }
  }

  private void train(Collective ranks, @Nullable String name, Interruption interruption)
      throws IOException {
    if (batch < ranks.size()) {
      throw new UserException(
          "--batch %d has no image for some of %d devices".formatted(batch, ranks.size()));
    } else if (synchronised && ranks.size() == 1) {
      throw new UserException("--sync-batch-norm is for several devices: this run has one");
    }
    Network network = arguments.model().network();
    Shape made = Shape.nhwc(1, network.imageSize(), network.imageSize(), network.channels());
    try (Model model = arguments.model(weights, seed, initialised);
        DataSet data = DataSets.open(place, made, network.classes(), skipUnreadable);
        Device device = where.open(name)) {
      if (ranks.rank() == 0) {
        model
            .loaded()
            .filter(taken -> !taken.initialised().isEmpty() || !taken.left().isEmpty())
            .ifPresent(taken -> output.say(weights.orElseThrow() + ": " + taken));
      }
      long memoryBefore = ResidentMemory.now();
      Training options = asked(() -> training(data));
      int epochSteps = asked(() -> data.epochSteps(batch));
      Fit how = asked(this::fit);
      try (Trainer trainer = train(model, device, where.apply(options), data.image(), ranks)) {
        if (resume.isPresent()) {
          trainer.resume(resume.get());
        }
        TrainingReport report = new TrainingReport(trainer, epochSteps, memoryBefore);
        long all = steps == null ? (long) epochs * epochSteps : steps;
        if (ranks.rank() == 0) {
          fit(trainer, data, how, all, report, interruption);
          report(network, data, device, report);
        } else {
          trainer.fit(data, how, following(interruption));
        }
      }
    }
  }

  /** Turns a refused option into an error of the user. */
  private static <T> T asked(Supplier<T> options) {
    try {
      return options.get();
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage());
    }
  }

  /** A rank whose steps rank 0 reports. */
  private static Fit.Listener following(Interruption interruption) {
    return new Fit.Listener() {
      @Override
      public boolean isStopped() {
        return interruption.isRequested();
      }
    };
  }

  private Trainer train(
      Model model, Device device, Training options, Shape image, Collective ranks) {
    try {
      return model.train(device, options, ranks);
    } catch (GraphException e) {
      if (frozen.length > 0) {
        throw new UserException("--freeze " + String.join(",", frozen) + ": " + e.getMessage());
      }
      throw new UserException(
          "%s cannot take images of %d x %d: %s"
              .formatted(model.name(), image.h(), image.w(), e.getMessage()));
    }
  }

  private Training training(DataSet data) {
    Normalization norm = data.normalization();
    boolean stored = norm.equals(Normalization.none(data.image().c()));
    Training options =
        Training.batch(batch)
            .dtype(arguments.dtype())
            .image(data.image().h(), data.image().w())
            .policy(policy)
            .momentum((float) momentum)
            .nesterov(nesterov)
            .weightDecay((float) weightDecay)
            .smoothing((float) smoothing)
            .synchronised(synchronised)
            .freeze(frozen)
            .seed(seed);
    return plain && stored ? options : options.augment(norm, plain ? 0 : PADDING, !plain);
  }

  private Fit fit() {
    Fit fit = steps == null ? Fit.epochs(epochs) : Fit.steps(steps);
    fit = fit.learningRate((float) learningRate).schedule(schedule);
    fit = unshuffled ? fit.unshuffled() : fit.shuffled(seed);
    if (save != null) {
      fit = fit.save(save.path().orElseThrow()).saveEvery(saveEvery == null ? 0 : saveEvery);
    }
    return patience == null ? fit : fit.patience(patience);
  }

  private String stopping() {
    String saved = save == null ? "" : " and its checkpoint";
    return "interrupted: ending after this step" + saved;
  }

  private void fit(
      Trainer trainer,
      DataSet data,
      Fit how,
      long all,
      TrainingReport report,
      Interruption interruption)
      throws IOException {
    long first = trainer.steps();
    try (TrainingLog lines = new TrainingLog(log, first, resume.isPresent());
        ProgressBar progress = Progress.bar("training", Math.max(0, all - first))) {
      trainer.fit(
          data,
          how,
          new Fit.Listener() {
            @Override
            public void step(Fit.Step step) throws IOException {
              report.add(step);
              lines.step(step);
              progress.setExtraMessage(report.latest());
              progress.step();
            }

            @Override
            public boolean isStopped() {
              return interruption.isRequested();
            }

            @Override
            public void epoch(Fit.Epoch epoch) throws IOException {
              report.add(epoch);
              lines.epoch(epoch);
              output.say(report.sentence(epoch));
            }
          });
    }
  }

  private void report(Network network, DataSet data, Device device, TrainingReport report)
      throws IOException {
    output.result(report.text(output.width()), report.result(network.name(), data.name(), device));
    OutputFile drawing = chart == null && log != null ? log.withEnding(".svg") : chart;
    if (drawing != null) {
      output.write(drawing, report.chart(network.name() + " on " + data.name()));
    }
  }
}
