package dev.catena.exec;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import dev.catena.engine.KernelFilters;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.plan.TrainingState;
import dev.catena.plan.TrainingState.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

  /** What the device's allocator says that it took. */
  long measuredBytes() {
    return measuredBytes;
  }

  /** Zeros everywhere. */
  void clear(Stream stream) {
    stream.fill(memory.address(), (byte) 0, memory.bytes());
  }

  /** Every parameter's values, running statistics included, by name. */
  Map<String, float[]> weights() {
    return download(state.weights(), slots());
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
   * Sets all parameters, and their velocities.
   *
   * @param momentum none: all zero
   * @throws ParameterException naming what is missing or has another size; then nothing changed
   */
  void restore(Map<String, float[]> weights, Map<String, float[]> momentum) {
    slots().forEach(slot -> requireValues(weights, slot, "parameter"));
    if (!momentum.isEmpty()) {
      state.trainable().forEach(slot -> requireValues(momentum, slot, "momentum of"));
    }
    upload(state.weights(), slots(), weights, DType.FP32);
    upload(state.momentum(), state.trainable(), momentum, DType.FP32);
    if (dtype != DType.FP32) {
      List<Slot> filters = state.trainable().stream().filter(StateMemory::isFilters).toList();
      upload(state.copies(), filters, weights, dtype);
    }
  }

  private static void requireValues(Map<String, float[]> values, Slot slot, String what) {
    Node parameter = slot.parameter();
    float[] given = values.get(parameter.name());
    if (given == null) {
      throw new ParameterException("there are no values of " + what + " " + parameter.output());
    }
    long wanted = parameter.output().shape().elements();
    if (given.length != wanted) {
      throw new ParameterException(
          "%s %s: %d values, not %d".formatted(what, parameter.output(), given.length, wanted));
    }
  }

  private List<Slot> slots() {
    List<Slot> all = new ArrayList<>(state.trainable());
    all.addAll(state.statistics());
    return all;
  }

  private void upload(long offset, List<Slot> slots, Map<String, float[]> values, DType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(bytes(slots, type), Float.BYTES);
      for (Slot slot : values.isEmpty() ? List.<Slot>of() : slots) {
        MemorySegment target = part(image, slot, type);
        float[] given = values.get(slot.parameter().name());
        if (isFilters(slot)) {
          KernelFilters.of(slot.parameter().output().shape(), type).pack(given, target);
        } else {
          MemorySegment.copy(given, 0, target, ValueLayout.JAVA_FLOAT, 0, given.length);
        }
      }
      memory.upload(offset, image);
    }
  }

  private Map<String, float[]> download(long offset, List<Slot> slots) {
    Map<String, float[]> found = new HashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(bytes(slots, DType.FP32), Float.BYTES);
      memory.download(offset, image);
      for (Slot slot : slots) {
        MemorySegment source = part(image, slot, DType.FP32);
        Shape shape = slot.parameter().output().shape();
        found.put(
            slot.parameter().name(),
            isFilters(slot)
                ? KernelFilters.of(shape, DType.FP32).unpack(source)
                : source.toArray(ValueLayout.JAVA_FLOAT));
      }
    }
    Map<String, float[]> ordered = new LinkedHashMap<>();
    for (Node parameter : order) {
      if (found.containsKey(parameter.name())) {
        ordered.put(parameter.name(), found.get(parameter.name()));
      }
    }
    return ordered;
  }

  private static long bytes(List<Slot> slots, DType type) {
    Slot last = slots.getLast();
    return (last.first() + last.elements()) * type.bytes();
  }

  private static MemorySegment part(MemorySegment image, Slot slot, DType type) {
    return image.asSlice(slot.first() * type.bytes(), slot.elements() * type.bytes());
  }

  private static boolean isFilters(Slot slot) {
    return slot.parameter().output().shape().rank() > 1;
  }

  @Override
  public void close() {
    memory.close();
  }
}
