package dev.catena.plan;

/**
 * The buffers placed so far, sorted by offset; in flat arrays, as a network of thousands of layers
 * has tens of thousands of them and each new one looks at all.
 */
final class Packing {
  private final long[] offset;
  private final long[] end;
  private final int[] firstStep;
  private final int[] lastStep;
  private int size;

  Packing(int capacity) {
    offset = new long[capacity];
    end = new long[capacity];
    firstStep = new int[capacity];
    lastStep = new int[capacity];
  }

  /** Places a buffer at the lowest offset that is free during its whole life. */
  Buffer place(Buffer buffer) {
    Buffer placed = buffer.at(lowestFree(buffer.bytes(), buffer.firstStep(), buffer.lastStep()));
    int at = firstAbove(placed.offset());
    for (Object column : new Object[] {offset, end, firstStep, lastStep}) {
      System.arraycopy(column, at, column, at + 1, size - at);
    }
    offset[at] = placed.offset();
    end[at] = placed.end();
    firstStep[at] = placed.firstStep();
    lastStep[at] = placed.lastStep();
    size++;
    return placed;
  }

  private long lowestFree(long bytes, int first, int last) {
    long free = 0;
    for (int i = 0; i < size; i++) {
      if (first <= lastStep[i] && firstStep[i] <= last) { // they live together
        if (offset[i] - free >= bytes) {
          break;
        }
        free = Math.max(free, end[i]);
      }
    }
    return free;
  }

  private int firstAbove(long limit) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (offset[middle] > limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
