import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Makes a table of what the assembler says of every kernel, and what its machine code holds. {@code
 * make -C native report-all} runs it.
 */
final class KernelReport {
  private static final Pattern COMPILING = Pattern.compile("Compiling entry function '(\\w+)'");
  private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers");
  private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");
  private static final Pattern SPILLS =
      Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill");
  private static final Pattern THREADS =
      Pattern.compile("\\.entry (\\w+)\\([^)]*\\)\\s*\\.maxntid (\\d+)");
  private static final Pattern MATRIX =
      Pattern.compile(
          "(conv1x1|conv3x3|dense_layer)(_dgrad|_wgrad)?_(\\d+)x(\\d+)(?:x(\\d+))?_\\w+");

  private static final int INSTRUCTION_BYTES = 16;
  private static final int HMMA = 0x23c;
  private static final int LDSM = 0x83b;
  private static final int LDGSTS = 0xfae;

  private static final int REGISTERS_OF_MULTIPROCESSOR = 65536;
  private static final int RESERVED_SHARED_BYTES = 1024;

  /** What blocks of one multiprocessor share: shared memory, threads, places for blocks. */
  private enum Architecture {
    SM_80(164, 2048, 32),
    SM_90(228, 2048, 32),
    SM_90A(228, 2048, 32),
    SM_100(228, 2048, 32),
    SM_120(100, 1536, 24);

    final int sharedBytes;
    final int threads;
    final int blocks;

    Architecture(int sharedKib, int threads, int blocks) {
      this.sharedBytes = sharedKib * 1024;
      this.threads = threads;
      this.blocks = blocks;
    }

    String folder() {
      return name().toLowerCase();
    }

    int resident(int blockThreads, int registers, int shared) {
      int warps = (blockThreads + 31) / 32;
      int ofWarp = (registers * 32 + 255) / 256 * 256;
      int byRegisters = REGISTERS_OF_MULTIPROCESSOR / (warps * ofWarp);
      int byShared = sharedBytes / (shared + RESERVED_SHARED_BYTES);
      return Math.min(Math.min(byRegisters, byShared), Math.min(threads / (32 * warps), blocks));
    }
  }

  private record Assembled(
      int registers, int shared, int stackAndSpills, Map<Integer, Integer> code) {
    int count(int opcode) {
      return code.getOrDefault(opcode, 0);
    }
  }

  private KernelReport() {}

  /** Arguments: the folder of ptxas' output and cubins, by architecture; the folder of the PTX. */
  public static void main(String[] args) throws IOException {
    Path reports = Path.of(args[0]);
    Map<String, Integer> threads = new HashMap<>();
    for (Path ptx : files(Path.of(args[1]), ".ptx")) {
      Matcher m = THREADS.matcher(Files.readString(ptx));
      while (m.find()) {
        threads.put(m.group(1), Integer.valueOf(m.group(2)));
      }
    }
    Map<String, Map<Architecture, Assembled>> kernels = new TreeMap<>();
    for (Architecture architecture : Architecture.values()) {
      for (Path text : files(reports.resolve(architecture.folder()), ".txt")) {
        read(text, architecture, kernels);
      }
    }
    print(kernels, threads);
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> p.toString().endsWith(ending)).sorted().toList();
    }
  }

  private static void read(
      Path text, Architecture architecture, Map<String, Map<Architecture, Assembled>> kernels)
      throws IOException {
    String cubin = text.getFileName().toString().replace(".txt", ".cubin");
    Map<String, Map<Integer, Integer>> code = opcodes(text.resolveSibling(cubin));
    String kernel = "";
    int spills = 0;
    for (String line : Files.readAllLines(text)) {
      Matcher m = COMPILING.matcher(line);
      if (m.find()) {
        kernel = m.group(1);
      }
      m = SPILLS.matcher(line);
      if (m.find()) {
        spills = number(m, 1) + number(m, 2) + number(m, 3);
      }
      m = REGISTERS.matcher(line);
      if (m.find()) {
        int registers = number(m, 1);
        Matcher shared = SHARED.matcher(line);
        int bytes = shared.find() ? number(shared, 1) : 0;
        kernels
            .computeIfAbsent(kernel, k -> new TreeMap<>())
            .put(architecture, new Assembled(registers, bytes, spills, code.get(kernel)));
      }
    }
  }

  private static int number(Matcher matcher, int group) {
    return Integer.parseInt(matcher.group(group));
  }

  /** How often each opcode, the low 12 bits of an instruction, stands in each kernel of an ELF. */
  private static Map<String, Map<Integer, Integer>> opcodes(Path cubin) throws IOException {
    ByteBuffer elf = ByteBuffer.wrap(Files.readAllBytes(cubin)).order(ByteOrder.LITTLE_ENDIAN);
    int headers = (int) elf.getLong(0x28);
    int size = elf.getShort(0x3a);
    int names = (int) elf.getLong(headers + size * elf.getShort(0x3e) + 0x18);
    Map<String, Map<Integer, Integer>> kernels = new HashMap<>();
    for (int i = 0; i < elf.getShort(0x3c); i++) {
      int header = headers + i * size;
      String name = string(elf, names + elf.getInt(header));
      if (name.startsWith(".text.")) {
        Map<Integer, Integer> counts = new HashMap<>();
        int start = (int) elf.getLong(header + 0x18);
        int end = start + (int) elf.getLong(header + 0x20);
        for (int at = start; at < end; at += INSTRUCTION_BYTES) {
          counts.merge(elf.getShort(at) & 0xfff, 1, Integer::sum);
        }
        kernels.put(name.substring(".text.".length()), counts);
      }
    }
    return kernels;
  }

  private static String string(ByteBuffer elf, int from) {
    int end = from;
    while (elf.get(end) != 0) {
      end++;
    }
    return new String(elf.array(), from, end - from, StandardCharsets.ISO_8859_1);
  }

  /**
   * Dynamic shared memory of a block: for 1x1 and dense layers with 512 channels, for 3x3 with 128
   * and the usual patch; of gradients all stages.
   */
  private static int dynamicShared(String kernel) {
    Matcher m = MATRIX.matcher(kernel);
    if (!m.matches()) {
      return 0;
    }
    int rows = number(m, 3);
    int columns = number(m, 4);
    int patch = rows == 256 ? 18 * 18 : rows == 128 ? 16 * 11 : 10 * 10;
    return switch (m.group(1) + (m.group(2) == null ? "" : m.group(2))) {
      case "conv1x1_dgrad" ->
          Math.max(4 * (rows + columns) * 64, 4 * rows * (columns + 8)) + 16 + 4 * rows;
      case "conv3x3_dgrad" ->
          Math.max(2 * (patch + 9 * columns) * 64, 4 * rows * (columns + 8)) + 16 + 4 * patch;
      case "conv1x1_wgrad" -> 128 + 4 * 32 * (rows + columns) * 2;
      case "conv3x3_wgrad" -> 128 + 2 * (16 * 11 * columns + 128 * rows) * 2;
      case "conv1x1" ->
          Math.max(
              4 * (rows + columns) * 64 + 16 + 4 * rows + 8 * 512,
              kernel.endsWith("_tf32") ? 4 * rows * (columns + 8) : 0);
      case "dense_layer" ->
          4 * (rows + columns) * 64 + 16 + 4 * rows + 8 * 512 + 2 * rows * columns;
      default -> 2 * (patch + 9 * columns) * 64 + 16 + 4 * patch + 8 * 128;
    };
  }

  private static void print(
      Map<String, Map<Architecture, Assembled>> kernels, Map<String, Integer> threads) {
    List<String> heads = new ArrayList<>(List.of("kernel", "threads", "shared"));
    for (Architecture architecture : Architecture.values()) {
      heads.add(architecture.folder());
    }
    heads.addAll(List.of("HMMA", "LDSM", "LDGSTS", "stack and spills"));
    System.out.println("| " + String.join(" | ", heads) + " |");
    System.out.println("|---|" + "---:|".repeat(heads.size() - 1));
    kernels.forEach(
        (name, on) -> {
          int block = threads.getOrDefault(name, 256);
          Assembled hopper = on.get(Architecture.SM_90);
          List<Object> row = new ArrayList<>(List.of(name, block));
          row.add(hopper.shared() + dynamicShared(name));
          int spills = 0;
          for (Architecture architecture : Architecture.values()) {
            Assembled a = on.get(architecture);
            if (a == null) { // Has no code of Hopper's own.
              row.add("");
              continue;
            }
            int shared = a.shared() + dynamicShared(name);
            row.add(a.registers() + " / " + architecture.resident(block, a.registers(), shared));
            spills += a.stackAndSpills();
          }
          row.addAll(List.of(hopper.count(HMMA), hopper.count(LDSM), hopper.count(LDGSTS), spills));
          System.out.println(
              "| " + String.join(" | ", row.stream().map(Object::toString).toList()) + " |");
        });
  }
}
