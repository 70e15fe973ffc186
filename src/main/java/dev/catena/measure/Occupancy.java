package dev.catena.measure;

/**
 * How many blocks of a kernel a multiprocessor holds at once. Immutable.
 *
 * @param blocks resident, 0 if one does not fit
 * @param share of the multiprocessor's warps
 */
public record Occupancy(int blocks, double share) {
  private static final int WARP = 32;

  /** Registers are given to warps in such pieces, and warps to four schedulers. */
  private static final int REGISTERS_AT_ONCE = 256;

  private static final int SCHEDULERS = 4;

  /** The system keeps so much shared memory of each block, and gives it in such pieces. */
  private static final int RESERVED_BYTES = 1024;

  private static final int BYTES_AT_ONCE = 128;

  /**
   * By the CUDA occupancy calculator's rules, of compute capability 8.0 and later.
   *
   * @param threads of a block
   * @param registers of a thread; 0 if not known
   * @param sharedBytes of a block, static and dynamic
   */
  public static Occupancy of(GpuSpec gpu, int threads, int registers, int sharedBytes) {
    int warps = Math.ceilDiv(threads, WARP);
    int blocks = Math.min(gpu.blocks(), gpu.warps() / warps);
    if (registers > 0) {
      int each = Math.ceilDiv(registers * WARP, REGISTERS_AT_ONCE) * REGISTERS_AT_ONCE;
      int held = gpu.registers() / SCHEDULERS / each * SCHEDULERS;
      blocks = Math.min(blocks, held / warps);
    }
    int bytes = Math.ceilDiv(sharedBytes + RESERVED_BYTES, BYTES_AT_ONCE) * BYTES_AT_ONCE;
    blocks = Math.min(blocks, gpu.sharedBytes() / bytes);
    return new Occupancy(blocks, (double) blocks * warps / gpu.warps());
  }
}
