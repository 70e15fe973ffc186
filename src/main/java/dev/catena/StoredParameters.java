package dev.catena;

import dev.catena.error.FormatException;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.io.SafeTensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A network's parameters in a file, checked against the network before any is read. Names are
 * torchvision's; what differs in timm and in older versions is understood.
 */
final class StoredParameters implements Parameters {
  /** Wrong tensors of a kind that a message names; the count tells of all. */
  private static final int SHOWN = 5;

  /** {@code denselayer1.norm.1} of checkpoints before 2019 is {@code denselayer1.norm1} today. */
  private static final Pattern OLD_NAME =
      Pattern.compile("(\\.denselayer\\d+\\.(?:norm|relu|conv))\\.([12])\\.");

  /** The classifier of VGG in timm, whose weights are filters over an image there. */
  private static final Map<String, String> TIMM =
      Map.of(
          "pre_logits.fc1.", "classifier.0.",
          "pre_logits.fc2.", "classifier.3.",
          "head.fc.", "classifier.6.");

  private final SafeTensors file;
  private final Predicate<String> optional;
  private final Parameters initial;
  private final Set<String> initialised = new TreeSet<>();
  private final Map<String, String> stored = new HashMap<>();
  private final List<String> twice = new ArrayList<>();
  private List<String> left = List.of();

  /**
   * Parameters of {@code graph} in {@code file}, and perhaps those that only {@code training} has.
   *
   * @param optional by name, the parameters that the file may lack or have in another shape, and
   *     the tensors that it may have besides
   * @param initial values of what is optional and not in the file
   * @throws ModelFormatException if the file has not exactly these
   */
  StoredParameters(
      SafeTensors file,
      Graph graph,
      Graph training,
      Predicate<String> optional,
      Parameters initial) {
    this.file = file;
    this.optional = optional;
    this.initial = initial;
    for (String name : file.tensors().keySet()) {
      if (!name.endsWith(".num_batches_tracked") && !name.startsWith(Checkpoint.OPTIMIZER)) {
        String other = stored.put(torchvision(name), name);
        if (other != null) {
          twice.add(FormatException.clip(other) + " and " + FormatException.clip(name));
        }
      }
    }
    check(graph, training);
  }

  private static String torchvision(String name) {
    for (Map.Entry<String, String> layer : TIMM.entrySet()) {
      if (name.startsWith(layer.getKey())) {
        return layer.getValue() + name.substring(layer.getKey().length());
      }
    }
    return OLD_NAME.matcher(name).replaceAll("$1$2.");
  }

  @Override
  public float[] values(Node parameter) {
    if (initialised.contains(parameter.name())) {
      return initial.values(parameter);
    }
    String name = stored.get(parameter.name());
    if (name == null) {
      throw new ModelFormatException(
          file.file(),
          "tensors",
          "has no " + parameter.name() + ", which only training needs",
          "train from weights that have it, or from none");
    }
    return file.floats(name);
  }

  /** What was taken. */
  LoadedWeights loaded() {
    List<String> taken = stored.keySet().stream().filter(n -> !initialised.contains(n)).toList();
    List<String> used = taken.stream().filter(n -> !left.contains(n)).sorted().toList();
    return new LoadedWeights(used, List.copyOf(initialised), left);
  }

  private void check(Graph graph, Graph training) {
    List<String> missing = new ArrayList<>();
    List<String> misshaped = new ArrayList<>();
    TreeSet<String> unexpected = new TreeSet<>(stored.keySet());
    Set<String> needed = graph.parameters().stream().map(Node::name).collect(Collectors.toSet());
    for (Node parameter : training.parameters()) {
      Shape shape = parameter.output().shape();
      String name = parameter.name();
      boolean there = unexpected.remove(name);
      boolean fits = there && fits(shape(name), shape);
      if (!fits && optional.test(name)) {
        initialised.add(name);
      } else if (!there && needed.contains(name)) {
        missing.add(name + " " + shape);
      } else if (there && !fits) {
        misshaped.add("%s is %s, not %s".formatted(name, Arrays.toString(shape(name)), shape));
      }
    }
    left = unexpected.stream().filter(optional).toList();
    unexpected.removeAll(left);
    List<String> wrong = new ArrayList<>();
    describe("missing", missing, wrong);
    describe("unexpected", unexpected.stream().map(this::withShape).toList(), wrong);
    describe("of another shape", misshaped, wrong);
    describe("under an old and a new name", twice, wrong);
    if (!wrong.isEmpty()) {
      throw new ModelFormatException(
          file.file(),
          "tensors",
          "these are not the weights of " + graph.name() + ": " + String.join("; ", wrong),
          "give the weights of "
              + graph.name()
              + ", with torchvision's names"
              + (misshaped.isEmpty()
                  ? ""
                  : "; or give the number of classes that they tell apart"));
    }
  }

  /** The inputs of a fully connected layer may be C,H,W, the order in which they are flattened. */
  private static boolean fits(long[] found, Shape wanted) {
    long[] dims = wanted.dims().stream().mapToLong(Integer::longValue).toArray();
    boolean filters = found.length == 4 && dims.length == 2 && found[0] == dims[0];
    return Arrays.equals(found, dims) || filters && found[1] * found[2] * found[3] == dims[1];
  }

  private long[] shape(String name) {
    return file.tensor(stored.get(name)).shape();
  }

  private String withShape(String name) {
    return FormatException.clip(name) + " " + Arrays.toString(shape(name));
  }

  private static void describe(String what, List<String> names, List<String> wrong) {
    if (!names.isEmpty()) {
      List<String> shown = names.stream().limit(SHOWN).toList();
      String rest = names.size() > SHOWN ? ", ..." : "";
      wrong.add(names.size() + " " + what + ": " + String.join(", ", shown) + rest);
    }
  }
}
