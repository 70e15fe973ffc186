package dev.catena.onnx;

import com.google.protobuf.ByteString;
import dev.catena.error.GraphException;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Init;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.Supplier;

/** A model's operators, made into one graph for one batch. */
final class GraphImport {
  /** Where the numbers of every parameter come from, by its name. */
  interface Numbers {
    void put(String parameter, Supplier<float[]> values);
  }

  /** Folded numbers that any model may have; a larger one four times its own. */
  private static final long MOST_FOLDED = 1 << 26;

  private final OnnxFile file;
  private final String output;
  private final List<OnnxNode> nodes;
  private final Numbers numbers;
  private final GraphBuilder builder;
  private final Map<String, Term> terms = new HashMap<>();
  private final Map<String, OnnxNode> makers = new HashMap<>();
  private final Map<Value, Value> sigmoids = new HashMap<>();

  /** By the numbers themselves, for several tensors may have one name. */
  private final IdentityHashMap<ByteString, Map<Shape, Value>> parameters = new IdentityHashMap<>();

  private final Set<String> names = new HashSet<>(Set.of("input", "input.nhwc", "output"));
  private final Map<String, Integer> next = new HashMap<>();
  private final Set<String> read = new HashSet<>();
  private final List<String> refused = new ArrayList<>();
  private long room;
  private int batch;

  /**
   * A graph in the making.
   *
   * @param output the value that it is run for
   */
  GraphImport(OnnxFile file, String output, String name, DType dtype, Numbers numbers) {
    this.file = file;
    this.output = output;
    this.numbers = numbers;
    builder = new GraphBuilder(name, dtype);
    nodes = file.ordered(output);
    nodes.forEach(node -> read.addAll(node.inputs()));
    read.add(output);
    read.remove(""); // what is left out
    long given = file.tensors().values().stream().mapToLong(OnnxTensor::elements).sum();
    room = Math.max(MOST_FOLDED, 4 * given);
  }

  /**
   * The graph.
   *
   * @param dims of the input, as the model has them, all known
   * @throws ModelFormatException naming all operators that the graph cannot say, with their nodes
   */
  Graph run(List<Integer> dims) {
    batch = dims.getFirst();
    file.tensors().forEach((name, tensor) -> terms.put(name, new Term.Known(tensor)));
    terms.put(file.inputs().getFirst().name(), input(dims));
    for (OnnxNode node : nodes) {
      node.outputs().forEach(name -> makers.put(name, node));
      List<Term> made = terms(node);
      for (int i = 0; i < made.size(); i++) {
        terms.put(node.outputs().get(i), made.get(i));
      }
    }
    if (!refused.isEmpty()) {
      throw error("operators", refused.size() + " cannot be run: " + String.join("; ", refused));
    }
    Term made;
    try {
      made = image(terms.get(output));
    } catch (OnnxOperator.Unsupported | GraphException | ArithmeticException e) {
      throw error("output '" + output + "'", e.getMessage());
    }
    if (!(made instanceof Term.Live result)) {
      throw error("output '" + output + "'", "it does not depend on the input");
    }
    return builder.build(result.value());
  }

  /** The output as images; what is none as it is. */
  private Term image(Term made) {
    return switch (made) {
      case Term.Sliced sliced -> sliced("output", sliced);
      case Term.Walked walked -> Arrangement.image(this, nodes.getLast(), walked);
      default -> made;
    };
  }

  private List<Term> terms(OnnxNode node) {
    OnnxOperator operator = Operators.BY_NAME.get(node.operator());
    if (operator == null && !Folding.has(node)) {
      return refuse(node, "there is no such operation");
    }
    for (String input : node.inputs()) {
      if (terms.get(input) instanceof Term.Missing) {
        return missing(node);
      }
    }
    try {
      List<OnnxTensor> constants = constants(node);
      if (Folding.has(node) && constants.size() == node.inputs().size()) {
        OnnxTensor folded = Folding.apply(node, constants);
        room -= folded.elements();
        if (room < 0) {
          throw new OnnxOperator.Unsupported("constants before it take all room that they may");
        }
        return List.of(new Term.Known(folded.named(node.outputs().getFirst())));
      }
      if (operator == null) {
        throw new OnnxOperator.Unsupported("there is no such operation");
      }
      List<Term> made = operator.apply(this, node);
      if (node.outputs().stream().skip(made.size()).anyMatch(read::contains)) {
        throw new OnnxOperator.Unsupported("only its first output is computed");
      }
      return made;
    } catch (OnnxOperator.Unsupported | GraphException | ArithmeticException e) {
      return refuse(node, e.getMessage());
    } catch (IndexOutOfBoundsException
        | IllegalArgumentException
        | NegativeArraySizeException
        | NoSuchElementException e) {
      return refuse(node, "its attributes and inputs do not fit each other: " + e.getMessage());
    }
  }

  private List<Term> refuse(OnnxNode node, String why) {
    refused.add(node.operator() + " '" + node.name() + "' (" + why + ")");
    return missing(node);
  }

  private static List<Term> missing(OnnxNode node) {
    return Collections.nCopies(node.outputs().size(), new Term.Missing());
  }

  /** The node's inputs as far as they are constants; null for one that it leaves out. */
  private List<OnnxTensor> constants(OnnxNode node) {
    List<OnnxTensor> constants = new ArrayList<>();
    for (String input : node.inputs()) {
      if (input.isEmpty()) {
        constants.add(null);
      } else if (terms.get(input) instanceof Term.Known known) {
        constants.add(known.tensor());
      }
    }
    return constants;
  }

  private Term.Live input(List<Integer> dims) {
    int rank = dims.size();
    int channels = rank > 1 ? dims.get(1) : 1;
    int height = rank == 4 ? dims.get(2) : 1;
    int width = rank > 2 ? dims.get(rank - 1) : 1;
    return new Term.Live(builder.input(batch, channels, height, width), dims);
  }

  /** Images of the batch that the graph is made for. */
  int batch() {
    return batch;
  }

  /** Images that the model was exported for; {@link OnnxFile.Port#OPEN} if for any. */
  int exportedBatch() {
    return file.inputs().getFirst().dims().getFirst();
  }

  /** The node that makes a value, if it is such an operator; or null. */
  OnnxNode maker(String value, String operator) {
    OnnxNode maker = makers.get(value);
    return maker != null && maker.operator().equals(operator) ? maker : null;
  }

  /** The input beside the number {@code number} of a node that has two; empty if there is none. */
  String other(OnnxNode node, double number) {
    for (int i = 0; i < 2 && node.inputs().size() == 2; i++) {
      if (isNumber(node.inputs().get(i), number)) {
        return node.inputs().get(1 - i);
      }
    }
    return "";
  }

  /** Whether a value is one number, about {@code number}. */
  boolean isNumber(String value, double number) {
    return terms.get(value) instanceof Term.Known c
        && c.tensor().elements() == 1
        && Math.abs(c.tensor().numbers()[0] - number) < 1e-6 * Math.abs(number);
  }

  /** A value that was made before. */
  Term term(String value) {
    return terms.get(value);
  }

  /** The version of ONNX's operators. */
  long opset() {
    return file.opset();
  }

  /** Whether {@code node} computes as in training, as operators before opset 7 do unless told. */
  boolean oldTraining(OnnxNode node) {
    return file.opset() < 7 && node.integer("is_test", 0) == 0;
  }

  /** The input at {@code index}, which the model gives. */
  Term term(OnnxNode node, int index) {
    Term term = given(node, index);
    return term instanceof Term.Sliced sliced ? sliced(node.name(), sliced) : term;
  }

  /** Every so many rows and columns, as an activation of their own. */
  Term.Live sliced(String name, Term.Sliced sliced) {
    Term.Live whole = sliced.whole();
    if (sliced.stepH() == 1 && sliced.stepW() == 1) {
      return whole;
    }
    Op.Window rows = Op.Window.of(1, sliced.stepH(), 0);
    Op.Window columns = Op.Window.of(1, sliced.stepW(), 0);
    Op every = new Op.Pool(Op.PoolKind.MAX, rows, columns, false, false, Op.Prologue.NONE);
    return whole.made(add(name, every, whole.value()));
  }

  /** The same; every so many rows may wait for as many columns. */
  Term given(OnnxNode node, int index) {
    Term term = node.has(index) ? terms.get(node.inputs().get(index)) : null;
    if (term == null) {
      throw new OnnxOperator.Unsupported("its input " + index + " is made by nothing before it");
    }
    return term;
  }

  /** An input that is computed with every batch. */
  Term.Live live(OnnxNode node, int index) {
    if (term(node, index) instanceof Term.Live live) {
      return live;
    }
    if (term(node, index) instanceof Term.Walked walked) {
      return Arrangement.image(this, node, walked);
    }
    throw new OnnxOperator.Unsupported("its input " + index + " is no activation");
  }

  /** An input whose channels are where the graph has them. */
  Term.Live aligned(OnnxNode node, int index) {
    Term.Live live = live(node, index);
    if (!live.aligned() && live.dims().size() > 1 && live.dims().size() <= 4) {
      return Arrangement.image(this, node, live);
    }
    if (!live.aligned()) {
      throw new OnnxOperator.Unsupported(
          "its input " + index + " was reshaped to " + live.dims() + ", which are no channels");
    }
    return live;
  }

  /** An input that the model gives. */
  OnnxTensor known(OnnxNode node, int index) {
    if (term(node, index) instanceof Term.Known known) {
      return known.tensor();
    }
    throw new OnnxOperator.Unsupported("its input " + index + " is no constant");
  }

  /** A tensor of the model, as it is, as a parameter of the graph. */
  Value parameter(OnnxTensor tensor, Shape shape) {
    if (!tensor.type().real()) {
      throw new OnnxOperator.Unsupported(tensor.name() + " is " + tensor.type());
    }
    if (tensor.elements() != shape.elements()) {
      throw new OnnxOperator.Unsupported(tensor.name() + " is " + tensor.dims() + ", not " + shape);
    }
    return parameters
        .computeIfAbsent(tensor.data(), _ -> new HashMap<>())
        .computeIfAbsent(shape, _ -> parameter(tensor.name(), shape, tensor::floats));
  }

  /** A parameter that is computed from the model's tensors. */
  Value parameter(String name, Shape shape, Supplier<float[]> values) {
    String free = unique(name);
    numbers.put(free, values);
    return builder.parameter(free, shape, new Init.Constant(0));
  }

  /** An operation under the node's name. */
  Value add(OnnxNode node, Op op, Value... inputs) {
    Value made = add(node.name(), op, inputs);
    if (op instanceof Op.Sigmoid) {
      sigmoids.put(made, inputs[0]);
    }
    return made;
  }

  /** An operation under a name like this. */
  Value add(String name, Op op, Value... inputs) {
    return builder.add(unique(name), op, inputs);
  }

  /** Whether {@code gate} is the sigmoid of {@code x}. */
  boolean isSigmoid(Value gate, Value x) {
    return x.equals(sigmoids.get(gate));
  }

  private String unique(String name) {
    String base = name.isEmpty() ? "node" : name;
    String free = base;
    for (int i = next.getOrDefault(base, 2); !names.add(free); i++) {
      free = base + "." + i;
      next.put(base, i + 1);
    }
    return free;
  }

  private ModelFormatException error(String place, String reason) {
    return new ModelFormatException(
        file.file(),
        place,
        reason,
        "Export the model for inference, with operators among: "
            + String.join(", ", Operators.BY_NAME.keySet()));
  }
}
