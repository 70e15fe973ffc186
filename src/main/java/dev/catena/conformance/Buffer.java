package dev.catena.conformance;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.PtxDevice;
import dev.catena.engine.Operand;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;

/**
 * The memory around one operand: guards before and after, the rows with all channels of the pitch
 * between them. What is not the view's own is filled with a pattern and must stay as it is.
 */
final class Buffer implements AutoCloseable {
  private static final int GUARD_BYTES = 256;
  private static final byte CANARY = 0x5a;

  private final Operand operand;
  private final DeviceMemory memory;
  private final byte[] image;
  private final int width;

  /** The bytes without data, for the interpreter's judge; null where there is none. */
  private final PtxDevice judge;

  private boolean hasData = true;

  private Buffer(Device device, Operand operand) {
    this.operand = operand;
    this.judge = device.isInterpreted() ? PtxDevice.of(device) : null;
    this.width = operand.dtype().bytes();
    image = new byte[Math.toIntExact(2 * GUARD_BYTES + operand.bufferElements() * width)];
    memory = device.allocate(image.length);
  }

  /** An input: NaN wherever the view has no data, but zeros in the padding of filters. */
  static Buffer input(Device device, Operand operand, double[] values) {
    Buffer buffer = new Buffer(device, operand);
    Arrays.fill(buffer.image, (byte) 0xff);
    if (operand.layout() == Layout.FILTERS) {
      Arrays.fill(buffer.image, GUARD_BYTES, buffer.image.length - GUARD_BYTES, (byte) 0);
    }
    return buffer.filled(values);
  }

  /** An output that lies where an input does: that input's values, canaries around them. */
  static Buffer overwritten(Device device, Operand operand, double[] values) {
    Buffer buffer = new Buffer(device, operand);
    Arrays.fill(buffer.image, CANARY);
    return buffer.filled(values);
  }

  /** An output: NaN in the view, which must all be overwritten, canaries around it. */
  static Buffer output(Device device, Operand operand) {
    double[] nothing = new double[Math.toIntExact(operand.shape().elements())];
    Arrays.fill(nothing, Double.NaN);
    Buffer buffer = overwritten(device, operand, nothing);
    buffer.hasData = false;
    return buffer;
  }

  private Buffer filled(double[] values) {
    for (int i = 0; i < values.length; i++) {
      set(offset(i), (float) values[i]);
    }
    upload();
    return this;
  }

  /** Its operand. */
  Operand operand() {
    return operand;
  }

  /** Brings the memory back to what it was made with. */
  void upload() {
    memory.upload(MemorySegment.ofArray(image));
    if (judge != null) {
      forgetWhatIsNoData();
    }
  }

  /** Padding and guards, and all of an output, count as never written. */
  private void forgetWhatIsNoData() {
    BitSet data = hasData ? own() : new BitSet();
    if (hasData && operand.layout() == Layout.FILTERS) {
      data.set(GUARD_BYTES, image.length - GUARD_BYTES); // zeros in the padding
    }
    for (int at = data.nextClearBit(0); at < image.length; ) {
      int end = data.nextSetBit(at);
      end = end < 0 ? image.length : end;
      judge.forget(memory.address() + at, end - at);
      at = data.nextClearBit(end);
    }
  }

  /** Address of the view. */
  long address() {
    long first = operand.layout() == Layout.NHWC ? (long) operand.firstChannel() * width : 0;
    return memory.address() + GUARD_BYTES + first;
  }

  /** The bytes as they are on the device now. */
  byte[] download() {
    byte[] now = new byte[image.length];
    memory.download(MemorySegment.ofArray(now));
    return now;
  }

  /** The view's values within {@code bytes}, dense N,H,W,C. */
  double[] values(byte[] bytes) {
    double[] values = new double[Math.toIntExact(operand.shape().elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = get(bytes, offset(i));
    }
    return values;
  }

  /** The first change in {@code bytes} outside the view, or, if {@code all}, anywhere. */
  Optional<String> damage(byte[] bytes, boolean all) {
    BitSet own = all ? new BitSet() : own();
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != image[i] && !own.get(i)) {
        return Optional.of(where(i));
      }
    }
    return Optional.empty();
  }

  /** The bytes of the view. */
  private BitSet own() {
    BitSet own = new BitSet(image.length);
    for (int i = 0; i < operand.shape().elements(); i++) {
      int at = offset(i);
      own.set(at, at + width);
    }
    return own;
  }

  private String where(int at) {
    int element = (at - GUARD_BYTES) / width;
    if (at < GUARD_BYTES || at >= image.length - GUARD_BYTES || operand.layout() != Layout.NHWC) {
      return "%d bytes from the buffer's start".formatted(at - GUARD_BYTES);
    }
    return "pixel %d, channel %d of the buffer"
        .formatted(element / operand.pitch(), element % operand.pitch());
  }

  /** Byte offset in the image of the value at index {@code i} of N,H,W,C or K,C,R,S. */
  private int offset(int i) {
    return GUARD_BYTES + element(operand.shape(), i) * width;
  }

  private int element(Shape shape, int i) {
    return switch (operand.layout()) {
      case NHWC -> i / shape.c() * operand.pitch() + operand.firstChannel() + i % shape.c();
      case NCHW -> {
        int area = shape.h() * shape.w();
        int pixel = i / shape.c();
        yield (pixel / area * shape.c() + i % shape.c()) * area + pixel % area;
      }
      case FILTERS -> {
        int taps = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
        int channels = shape.dim(1);
        int filter = i / taps / channels;
        yield (filter * taps + i % taps) * operand.pitch() + i / taps % channels;
      }
      case DENSE, PARAMETER -> i;
    };
  }

  private void set(int at, float value) {
    int bits =
        operand.dtype() == DType.FP32
            ? Float.floatToRawIntBits(value)
            : operand.dtype().toBits(value);
    for (int b = 0; b < width; b++) {
      image[at + b] = (byte) (bits >>> 8 * b);
    }
  }

  private float get(byte[] bytes, int at) {
    int bits = 0;
    for (int b = 0; b < width; b++) {
      bits |= (bytes[at + b] & 0xff) << 8 * b;
    }
    return operand.dtype() == DType.FP32
        ? Float.intBitsToFloat(bits)
        : operand.dtype().fromBits((short) bits);
  }

  @Override
  public void close() {
    memory.close();
  }
}
