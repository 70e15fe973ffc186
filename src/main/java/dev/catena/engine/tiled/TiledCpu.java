package dev.catena.engine.tiled;

import dev.catena.device.Arguments;
import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.driver.AmxPermission;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** What the tiled kernels find on this CPU, and how they share its cores and caches. */
final class TiledCpu {
  private static final System.Logger LOG = System.getLogger(TiledCpu.class.getName());

  /** Pixels of a register tile, in the widest build. */
  static final int ROWS = 14;

  /** Words of packed input that a strip may take: some of a core's L2 cache, beside the filters. */
  static final int STRIP_WORDS = 48 << 10;

  private static final boolean DOT_PRODUCTS_OF_BFLOAT16 = flag("avx512_bf16");

  private static final boolean AMD = cpuinfo("vendor_id", "AuthenticAMD");

  private static final boolean TILES = flag("amx_tile") && flag("amx_bf16") && permitted();

  private TiledCpu() {}

  /**
   * Pairs of bfloat16 where they are known to be faster, else fp32. AMD's Zen 4 forms twice as many
   * of their products; Intel's do not, and have Winograd's form in fp32 alone.
   */
  static TiledForm vectors(DType dtype, Device device) {
    return hasPairs(dtype, device) && AMD ? TiledForm.PAIRS : TiledForm.FLOATS;
  }

  /** Whether {@code problem} can be multiplied in pairs, and measuring says if it should. */
  static boolean hasTwoForms(Problem problem, Device device) {
    return hasPairs(problem.input(0).dtype(), device) && !AMD;
  }

  private static boolean hasPairs(DType dtype, Device device) {
    return dtype == DType.BF16 && DOT_PRODUCTS_OF_BFLOAT16 && isWidest(device);
  }

  /** AMX's tile registers, or their twin. */
  static TiledForm tiles(Device device) {
    return TILES && isWidest(device) ? TiledForm.TILES : TiledForm.TWIN;
  }

  private static boolean isWidest(Device device) {
    return device.architectures().getFirst().equals("host-x86-64-v4");
  }

  private static boolean permitted() {
    boolean permitted = AmxPermission.ask();
    if (!permitted) {
      LOG.log(
          System.Logger.Level.WARNING,
          "this CPU has AMX, but the system refuses its registers to this process:"
              + " bf16 is multiplied without them");
    }
    return permitted;
  }

  /** Words from one packed row to the next, as {@code rowWords} of {@code native/host/panel.h}. */
  static int rowWords(int channels, boolean pairs) {
    int words = Math.ceilDiv(channels, TiledFilters.PANEL) * TiledFilters.PANEL / (pairs ? 2 : 1);
    return Math.ceilDiv(words, 16) * 16 | 16;
  }

  /**
   * Words from one packed pixel to the next, as {@code pixelWords} of {@code native/host/strip.h}.
   */
  static int pixelWords(int channels, boolean pairs) {
    int words = Math.ceilDiv(channels, 16) * 16 / (pairs ? 2 : 1);
    return Math.ceilDiv(words, 16) * 16 | 16;
  }

  /**
   * Into how many blocks of rows an image is cut: as few as keep every core busy to the end, for
   * neighbouring blocks read, or compute, some rows twice.
   */
  static int blocks(int images, int rows, Device device) {
    int threads = device.threads();
    int blocks = 1;
    while (blocks < rows && images * blocks % threads != 0 && images * blocks < 4 * threads) {
      blocks++;
    }
    return blocks;
  }

  /** A launch of one thread a block, with so many words of scratch. */
  static Launch launch(
      Device device, String file, String kernel, Dim grid, long words, Arguments parameters) {
    int bytes = Math.toIntExact(words * Float.BYTES);
    return device.module(file).kernel(kernel).prepare(grid, Dim.of(1), bytes, parameters);
  }

  private static boolean flag(String name) {
    return cpuinfo("flags", name);
  }

  /** Whether the first such line of Linux's description of the CPU has that word. */
  private static boolean cpuinfo(String field, String word) {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith(field))
          .findFirst()
          .map(line -> Arrays.asList(line.split("\\s+")).contains(word))
          .orElse(false);
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }
}
