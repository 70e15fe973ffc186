package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import dev.catena.engine.FilterPacking;
import dev.catena.error.ParameterException;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.plan.TrainingState;
import dev.catena.plan.TrainingState.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A {@link TrainingState} on a device, and its values in the checkpoint's order. */
final class StateMemory implements AutoCloseable {
  private final TrainingState state;
  private final DType dtype;
  private final List<Node> order;
  private final DeviceMemory memory;
  private final long measuredBytes;

  /**
   * Takes the memory; its content is undefined.
   *
   * @param order in which parameters are listed
   */
  StateMemory(Device device, TrainingState state, DType dtype, List<Node> order) {
    this.state = state;
    this.dtype = dtype;
    this.order = order;
    long before = device.usedMemory();
    memory = device.allocate(state.bytes());
    measuredBytes = device.usedMemory() - before;
  }

  long address() {
    return memory.address();
  }

  /** Bytes by the device's allocator. */
  long measuredBytes() {
    return measuredBytes;
  }

  /** Zeros everywhere. */
  void clear(Stream stream) {
    stream.fill(memory.address(), (byte) 0, memory.bytes());
  }

  /** Every parameter's values, running statistics included, by name. */
  Map<String, float[]> weights() {
    return download(state.weights(), state.all());
  }

  /** The velocity of every trainable parameter, by name. */
  Map<String, float[]> momentum() {
    return download(state.momentum(), state.trainable());
  }

  /** The gradients of the last step, times its loss scale, by name. */
  Map<String, float[]> gradients() {
    return download(state.gradients(), state.trainable());
  }

  /**
   * Sets all parameters, one after the other; velocities stay.
   *
   * @throws ParameterException if one is missing or has another size; then those before it are set
   */
  void initialize(Parameters parameters) {
    setWeights(slot -> require(parameters.values(slot.parameter()), slot, "parameter"));
  }

  /**
   * Sets all parameters, and their velocities.
   *
   * @param momentum none: all zero
   * @throws ParameterException naming what is missing or has another size; then nothing changed
   */
  void restore(Map<String, float[]> weights, Map<String, float[]> momentum) {
    state.all().forEach(slot -> require(weights.get(name(slot)), slot, "parameter"));
    if (!momentum.isEmpty()) {
      state.trainable().forEach(slot -> require(momentum.get(name(slot)), slot, "momentum of"));
    }
    setWeights(slot -> weights.get(name(slot)));
    for (Slot slot : state.trainable()) {
      float[] velocity = momentum.isEmpty() ? new float[elements(slot)] : momentum.get(name(slot));
      upload(state.momentum() + slot.first() * Float.BYTES, slot, velocity, DType.FP32);
    }
  }

  private void setWeights(Function<Slot, float[]> values) {
    for (Slot slot : state.all()) {
      float[] given = values.apply(slot);
      upload(state.weights() + slot.first() * Float.BYTES, slot, given, DType.FP32);
      state.copy(slot).ifPresent(at -> upload(at, slot, given, dtype));
    }
  }

  private static float[] require(float[] given, Slot slot, String what) {
    Value parameter = slot.parameter().output();
    if (given == null) {
      throw new ParameterException("there are no values of " + what + " " + parameter);
    }
    if (given.length != elements(slot)) {
      throw new ParameterException(
          "%s %s: %d values, not %d".formatted(what, parameter, given.length, elements(slot)));
    }
    return given;
  }

  private static String name(Slot slot) {
    return slot.parameter().name();
  }

  private static int elements(Slot slot) {
    return Math.toIntExact(slot.parameter().output().shape().elements());
  }

  // Slot by slot: a second copy of a large network's state would be as much memory again.

  private void upload(long offset, Slot slot, float[] given, DType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(slot.elements() * type.bytes(), Float.BYTES);
      if (isFilters(slot)) {
        FilterPacking.of(slot.parameter().output().shape(), type).pack(given, image);
      } else {
        MemorySegment.copy(given, 0, image, ValueLayout.JAVA_FLOAT, 0, given.length);
      }
      memory.upload(offset, image);
    }
  }

  private float[] download(long offset, Slot slot) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(slot.elements() * Float.BYTES, Float.BYTES);
      memory.download(offset + slot.first() * Float.BYTES, image);
      return isFilters(slot)
          ? FilterPacking.of(slot.parameter().output().shape(), DType.FP32).unpack(image)
          : image.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private Map<String, float[]> download(long offset, List<Slot> slots) {
    Map<String, Slot> byName = new HashMap<>();
    slots.forEach(slot -> byName.put(name(slot), slot));
    Map<String, float[]> values = new LinkedHashMap<>();
    for (Node parameter : order) {
      Slot slot = byName.get(parameter.name());
      if (slot != null) {
        values.put(parameter.name(), download(offset, slot));
      }
    }
    return values;
  }

  private static boolean isFilters(Slot slot) {
    return slot.parameter().output().shape().rank() > 1;
  }

  @Override
  public void close() {
    memory.close();
  }
}
