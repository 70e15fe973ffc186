package dev.catena.io.datasets;

import dev.catena.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Images of bytes, planes in the order C,H,W, at equal distances in one array.
 *
 * @param first where the first image begins
 * @param stride from one image to the next
 * @param labels one for each, unsigned
 */
record ByteImages(byte[] bytes, int first, int stride, Shape image, byte[] labels)
    implements ImageSet {
  private static final int BYTE_VALUES = 256;

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int label(int index) {
    return labels[index] & 0xff;
  }

  @Override
  public void copy(int index, MemorySegment to) {
    int from = first + Math.multiplyExact(index, stride);
    int count = (int) image.elements();
    for (int i = 0; i < count; i++) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, bytes[from + i] & 0xff);
    }
  }

  /** By these images' own mean and standard deviation of each channel. */
  Normalization normalization() {
    int area = image.h() * image.w();
    List<Float> mean = new ArrayList<>();
    List<Float> scale = new ArrayList<>();
    for (int c = 0; c < image.c(); c++) {
      long[] histogram = new long[BYTE_VALUES];
      for (int i = 0; i < size(); i++) {
        int from = first + i * stride + c * area;
        for (int at = from; at < from + area; at++) {
          histogram[bytes[at] & 0xff]++;
        }
      }
      double sum = 0;
      double squares = 0;
      for (int value = 0; value < BYTE_VALUES; value++) {
        sum += (double) histogram[value] * value;
        squares += (double) histogram[value] * value * value;
      }
      double average = sum / ((double) size() * area);
      double variance = squares / ((double) size() * area) - average * average;
      mean.add((float) average);
      // Images of one colour have no deviation to divide by.
      scale.add(variance > 0 ? (float) (1 / Math.sqrt(variance)) : 1);
    }
    return new Normalization(mean, scale);
  }
}
