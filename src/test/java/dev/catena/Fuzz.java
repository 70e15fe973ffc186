package dev.catena;

import dev.catena.device.Device;
import dev.catena.error.CatenaException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Node;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.DataSets;
import dev.catena.io.datasets.ImageSet;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.zip.ZipInputStream;

/**
 * Reads files that were changed at random. Each is read, or refused with an exception that says
 * why; nothing else may come of it, and nothing may take long. The process has little memory beside
 * the files, so that whoever believes a size in a file runs out of it.
 */
final class Fuzz {
  private static final long SLOW_NANOS = 5_000_000_000L;
  private static final long SMALL = 8 << 20;

  private final Path folder;
  private final Device device = Device.open("host");
  private final Map<String, int[]> counts = new TreeMap<>();
  private final List<String> faults = new ArrayList<>();

  private Fuzz(Path folder) {
    this.folder = folder;
  }

  /** Reads a file, perhaps in vain. */
  private interface Reader {
    void read(Path file) throws IOException;
  }

  /** Files of a kind, whole, and how they are read. */
  private record Kind(String name, String file, List<byte[]> seeds, Reader reader) {}

  /** Arguments: a folder for files, how many mutants, a seed. Prints faults and what was read. */
  public static void main(String[] args) throws IOException {
    Fuzz fuzz = new Fuzz(Path.of(args[0]));
    fuzz.run(Integer.parseInt(args[1]), Long.parseLong(args[2]));
    fuzz.faults.forEach(System.out::println);
    fuzz.counts.forEach(
        (kind, n) -> System.out.printf("%s: %d mutants, %d read%n", kind, n[0], n[1]));
    System.exit(fuzz.faults.isEmpty() ? 0 : 1);
  }

  private void run(int mutants, long seed) throws IOException {
    List<Kind> kinds = kinds();
    for (Kind kind : kinds) {
      for (byte[] whole : kind.seeds) {
        kind.reader.read(Files.write(folder.resolve(kind.file), whole)); // sound as it is
      }
    }
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < mutants && faults.size() < 20; i++) {
      Kind kind = kinds.get(i % kinds.size());
      byte[] whole = kind.seeds.get(random.nextInt(kind.seeds.size()));
      read(kind, i, mutant(whole, random));
    }
  }

  private void read(Kind kind, int number, byte[] mutant) throws IOException {
    int[] count = counts.computeIfAbsent(kind.name, _ -> new int[2]);
    count[0]++;
    Path file = folder.resolve(kind.file);
    Files.write(file, mutant);
    long start = System.nanoTime();
    try {
      kind.reader.read(file);
      count[1]++;
    } catch (CatenaException | IOException e) {
      String message = String.valueOf(e.getMessage());
      if (message.length() > 4000 || message.equals("null")) {
        fault(kind, number, file, "says " + message.length() + " characters: " + e);
      }
    } catch (RuntimeException | Error e) {
      fault(kind, number, file, e + " at " + List.of(e.getStackTrace()).subList(0, 5));
    }
    long nanos = System.nanoTime() - start;
    if (nanos > SLOW_NANOS) {
      fault(kind, number, file, "took " + nanos / 1_000_000 + " ms");
    }
  }

  private void fault(Kind kind, int number, Path file, String what) throws IOException {
    Path kept = folder.resolve("fault-" + number + "-" + file.getFileName());
    Files.copy(file, kept);
    faults.add("%s %d (%s): %s".formatted(kind.name, number, kept, what));
  }

  private static byte[] mutant(byte[] whole, SplittableRandom random) {
    byte[] mutant = whole.clone();
    for (int n = 1 + random.nextInt(4); n > 0 && mutant.length > 8; n--) {
      // Heads and tails say how the rest is to be read.
      int reach = random.nextBoolean() ? mutant.length : Math.min(mutant.length, 200);
      int at = random.nextInt(reach);
      int length = Math.min(mutant.length - at, 1 + random.nextInt(16));
      switch (random.nextInt(8)) {
        case 0 -> mutant = Arrays.copyOf(mutant, at + 1);
        case 1 -> mutant = spliced(mutant, at, at + length, new byte[0]);
        case 2 -> mutant = spliced(mutant, at, at, Arrays.copyOfRange(mutant, at, at + length));
        case 3 -> mutant[at] = (byte) (random.nextBoolean() ? 0xff : 0x7f);
        case 4 -> mutant[at] ^= (byte) (1 << random.nextInt(8));
        case 5 -> mutant[at] += (byte) (random.nextBoolean() ? 1 : -1);
        case 6 -> {
          int from = random.nextInt(mutant.length - length + 1);
          System.arraycopy(mutant, from, mutant, at, length);
        }
        default -> mutant[at] = (byte) random.nextInt(256);
      }
    }
    return mutant;
  }

  private static byte[] spliced(byte[] bytes, int from, int to, byte[] middle) {
    byte[] all = Arrays.copyOf(bytes, from + middle.length + bytes.length - to);
    System.arraycopy(middle, 0, all, from, middle.length);
    System.arraycopy(bytes, to, all, from + middle.length, bytes.length - to);
    return all;
  }

  private List<Kind> kinds() throws IOException {
    List<byte[]> jpegs = new ArrayList<>();
    for (String name : List.of("rgb", "gray", "progressive", "cmyk", "ycck")) {
      jpegs.add(resource("/golden/io/" + name + ".jpg"));
    }
    List<byte[]> pngs =
        List.of(resource("/golden/io/palette.png"), resource("/golden/io/cropped-32.png"));
    Graph graph = network();
    Path idx = Files.createDirectories(folder.resolve("idx"));
    Path cifar = Files.createDirectories(folder.resolve("cifar"));
    byte[] records = new byte[2 * 3074];
    writeSets(idx, cifar, records);
    byte[] images = Files.readAllBytes(idx.resolve("train-images-idx3-ubyte"));
    return List.of(
        new Kind("safetensors", "w.safetensors", List.of(weights()), Fuzz::safetensors),
        new Kind("onnx", "m.onnx", models(), this::onnx),
        new Kind("jpeg", "p.jpg", jpegs, Fuzz::picture),
        new Kind("png", "p.png", pngs, Fuzz::picture),
        new Kind(
            "idx", "idx/train-images-idx3-ubyte", List.of(images), _ -> all(DataSets.mnist(idx))),
        new Kind("cifar", "cifar/train.bin", List.of(records), _ -> all(DataSets.cifar100(cifar))),
        new Kind(
            "preprocessing",
            "config.json",
            List.of(resource("/golden/io/timm.json"), resource("/golden/io/transformers.json")),
            Preprocessing::read),
        new Kind(
            "checkpoint",
            "c.safetensors",
            List.of(checkpoint(graph)),
            file -> Checkpoint.read(file, graph)));
  }

  private static void safetensors(Path file) throws IOException {
    try (SafeTensors tensors = SafeTensors.open(file)) {
      for (SafeTensors.Tensor tensor : tensors.tensors().values()) {
        float[] _ = tensors.floats(tensor.name());
      }
    }
  }

  private static void picture(Path file) throws IOException {
    var _ = Image.refusal(file);
    Image image = Image.read(file);
    if (image.width() * (long) image.height() < 1 << 20) {
      image.centerCrop(8, 7);
    }
  }

  /** What {@code plan} and {@code run} do. */
  private void onnx(Path file) throws IOException {
    try (Model model = Models.onnx(file)) {
      if (model.plan(Inference.batch(1)).peakBytes() < SMALL) {
        try (Session session = model.compile(device, Inference.batch(1))) {
          session.run(new float[session.imageSize()]);
        }
      }
    }
  }

  private static void all(DataSet set) throws IOException {
    try (set) {
      ImageSet images = set.train();
      MemorySegment image = MemorySegment.ofArray(new float[(int) images.image().elements()]);
      for (int i = 0; i < Math.min(images.size(), 10); i++) {
        images.copy(i, image);
        images.label(i);
      }
    }
  }

  private static void writeSets(Path idx, Path cifar, byte[] records) throws IOException {
    for (String part : List.of("train", "t10k")) {
      ByteBuffer images = ByteBuffer.allocate(16 + 4 * 6).putInt(0x803).putInt(4).putInt(2);
      Files.write(idx.resolve(part + "-images-idx3-ubyte"), images.putInt(3).array());
      ByteBuffer labels = ByteBuffer.allocate(8 + 4).putInt(0x801).putInt(4);
      Files.write(idx.resolve(part + "-labels-idx1-ubyte"), labels.array());
    }
    Files.write(cifar.resolve("train.bin"), records);
    Files.write(cifar.resolve("test.bin"), records);
  }

  private byte[] weights() throws IOException {
    Path file = folder.resolve("seed.safetensors");
    new SafeTensorsWriter()
        .metadata("format", "pt")
        .add("a.weight", DType.FP32, new long[] {2, 3}, new float[6])
        .add("b.half", DType.FP16, new long[] {4}, new float[4])
        .add("c.bf16", DType.BF16, new long[] {}, new float[1])
        .write(file);
    return Files.readAllBytes(file);
  }

  private static Graph network() {
    GraphBuilder g = new GraphBuilder("net", DType.FP32);
    return g.build(g.linear("fc", g.flatten("flat", g.input(1, 2, 3, 3)), 4));
  }

  private byte[] checkpoint(Graph graph) throws IOException {
    Map<String, float[]> values = new TreeMap<>();
    for (Node node : graph.parameters()) {
      values.put(node.name(), new float[Math.toIntExact(node.output().shape().elements())]);
    }
    Path file = folder.resolve("seed-checkpoint.safetensors");
    new Checkpoint(values, values, 7, 1, Map.of("seed", "3")).write(file, graph);
    return Files.readAllBytes(file);
  }

  /** The small models of one feature each that Catena runs. */
  private List<byte[]> models() throws IOException {
    List<String> refused =
        List.of(
            new String(resource("/dev/catena/onnx/cases-refused.txt"), StandardCharsets.UTF_8)
                .split("\n"));
    List<byte[]> models = new ArrayList<>();
    try (var zip =
        new ZipInputStream(Fuzz.class.getResourceAsStream("/dev/catena/onnx/cases.zip"))) {
      for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        byte[] model = zip.readAllBytes();
        String name = entry.getName();
        if (name.endsWith(".onnx")
            && model.length < 4096
            && !refused.contains(name.split("/")[0])) {
          try {
            onnx(Files.write(folder.resolve("m.onnx"), model));
            models.add(model);
          } catch (CatenaException | IOException e) {
            // Of an open size, or with its weights elsewhere.
          }
        }
      }
    }
    return models;
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = Fuzz.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }
}
