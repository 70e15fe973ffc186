package dev.catena.engine.cudnn;

import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * The native descriptors of tables, all freed together; equal tables share one. They name no
 * device; heuristics and plans do. For one thread at a time.
 */
final class CudnnLowering implements AutoCloseable {
  private final CudnnLibrary cudnn;
  private final SequencedMap<CudnnTable, CudnnDescriptor> made = new LinkedHashMap<>();

  CudnnLowering(CudnnLibrary cudnn) {
    this.cudnn = cudnn;
  }

  /**
   * The finished descriptor of {@code table}.
   *
   * @throws CudnnException where cuDNN refuses it
   */
  CudnnDescriptor lower(CudnnTable table) {
    CudnnDescriptor known = made.get(table);
    if (known != null) {
      return known;
    }
    CudnnDescriptor descriptor = new CudnnDescriptor(cudnn, table.descriptor());
    made.put(table, descriptor);
    for (CudnnTable.Row row : table.rows()) {
      if (row.tables().isEmpty()) {
        descriptor.set(row.attribute(), row.numbers().stream().mapToLong(n -> n).toArray());
      } else {
        descriptor.set(row.attribute(), row.tables().stream().map(this::lower).toList());
      }
    }
    return descriptor.finish();
  }

  @Override
  public void close() {
    made.sequencedValues().reversed().forEach(CudnnDescriptor::close);
    made.clear();
  }
}
