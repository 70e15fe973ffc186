package dev.catena.spark;

import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.apache.spark.sql.Row;

/**
 * Turns a column of a row into a network's input.
 *
 * @param column its index
 * @param preprocessing of pictures
 */
record ImageReader(int column, Preprocessing preprocessing) {
  /** With the preparation of ImageNet's models where none is given. */
  static ImageReader of(int column, Preprocessing given, int size) {
    return new ImageReader(column, given == null ? Preprocessing.imageNet(size) : given);
  }

  /**
   * Writes the image of a row.
   *
   * @param to room for one image
   * @throws dev.catena.error.ImageFormatException if it cannot be decoded
   * @throws IllegalArgumentException if it is null or has another size
   */
  void read(Row row, MemorySegment to) {
    if (row.isNullAt(column)) {
      throw new IllegalArgumentException("the image is null");
    } else if (row.get(column) instanceof byte[] file) {
      preprocessing.apply(Image.decode(file), to);
      return;
    }
    List<Float> values = row.getList(column);
    if (values.size() * (long) Float.BYTES != to.byteSize() || values.contains(null)) {
      throw new IllegalArgumentException(
          "an image has %d values, none of them null; this one has %d"
              .formatted(to.byteSize() / Float.BYTES, values.size()));
    }
    int i = 0;
    for (float value : values) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT, i++, value);
    }
  }
}
