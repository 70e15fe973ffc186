package dev.catena;

import dev.catena.graph.Layout;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.View;
import java.util.Map;

/**
 * The addresses of the values of one plan.
 *
 * @param arena address of the plan's buffers
 * @param external addresses of what lies elsewhere, by the value's id
 */
record Addresses(MemoryPlan plan, long arena, Map<Integer, Long> external) {
  /** The device address of {@code value}'s first element. */
  long of(Value value) {
    Long elsewhere = external.get(value.id());
    if (elsewhere != null) {
      return elsewhere;
    }
    View view = plan.view(value);
    Buffer buffer = plan.buffers().get(view.buffer());
    return arena + buffer.offset() + (long) view.firstChannel() * value.dtype().bytes();
  }

  /** The address of image {@code index} of {@code value}. */
  long image(Value value, int index) {
    Shape shape = value.shape();
    long pitch = value.layout() == Layout.NHWC ? plan.view(value).pitch() : shape.c();
    return of(value) + index * (long) shape.h() * shape.w() * pitch * value.dtype().bytes();
  }
}
