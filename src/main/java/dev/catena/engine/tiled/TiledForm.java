package dev.catena.engine.tiled;

/** How a tiled kernel multiplies, numbered as in {@code native/host/convolution.h}. */
enum TiledForm {
  /** In fp32. */
  FLOATS,
  /** Pairs of bfloat16, by AVX-512. */
  PAIRS,
  /** A 3x3 convolution in fp32 in Winograd's form. */
  WINOGRAD,
  /** Pairs of bfloat16 in AMX's tile registers. */
  TILES,
  /** The same without AMX, to check it. */
  TWIN;

  /** Whether a word of packed values is a pair. */
  boolean pairs() {
    return this == PAIRS || tiles();
  }

  private boolean tiles() {
    return this == TILES || this == TWIN;
  }

  /** Pixels of a register tile, in the widest build. */
  int rows() {
    return tiles() ? 32 : TiledCpu.ROWS;
  }

  /** Rows behind the last that a register tile may read. */
  int rowsBeyond() {
    return tiles() ? rows() : 0;
  }

  /** Input channels of a tap, rounded up. */
  int depth(int channels) {
    int multiple = tiles() ? 32 : TiledFilters.DEPTH_MULTIPLE;
    return Math.ceilDiv(channels, multiple) * multiple;
  }
}
