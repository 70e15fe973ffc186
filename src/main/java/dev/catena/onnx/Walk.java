package dev.catena.onnx;

import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * An order of a value's elements: nested loops, the outermost first, each of which goes on by a
 * stride. Loops that go on where the next inner one ends are one; loops of one element are none.
 *
 * @param loops outermost first
 * @param offset the first element
 */
record Walk(List<Loop> loops, int offset) {
  /**
   * One loop.
   *
   * @param extent how often
   * @param stride from one element to the next; 0 if it repeats
   */
  record Loop(int extent, int stride) {}

  Walk {
    List<Loop> merged = new ArrayList<>();
    for (Loop loop : loops) {
      Loop last = merged.isEmpty() ? null : merged.getLast();
      if (last != null && loop.extent() > 1 && last.stride() == loop.extent() * loop.stride()) {
        merged.set(merged.size() - 1, new Loop(last.extent() * loop.extent(), loop.stride()));
      } else if (loop.extent() != 1) {
        merged.add(loop);
      }
    }
    loops = List.copyOf(merged);
  }

  /** All elements in the order in which they are. */
  static Walk straight(int elements) {
    return new Walk(List.of(new Loop(elements, 1)), 0);
  }

  /** N,C,H,W of an activation, whose elements are in the order N,H,W,C. */
  static Walk ofImage(Shape s) {
    return new Walk(
        List.of(
            new Loop(s.n(), s.h() * s.w() * s.c()),
            new Loop(s.c(), 1),
            new Loop(s.h(), s.w() * s.c()),
            new Loop(s.w(), s.c())),
        0);
  }

  /** The loops of several extents, one after the other. */
  static Walk of(List<List<Loop>> extents, int offset) {
    return new Walk(extents.stream().flatMap(List::stream).toList(), offset);
  }

  /** The loops that each of {@code dims} is; empty if one ends within a loop. */
  Optional<List<List<Loop>>> split(List<Integer> dims) {
    List<List<Loop>> all = new ArrayList<>();
    List<Loop> rest = new ArrayList<>(loops);
    for (int dim : dims) {
      List<Loop> own = new ArrayList<>();
      int open = dim;
      while (open > 1) {
        Loop next = rest.removeFirst();
        if (open % next.extent() == 0) {
          own.add(next);
          open /= next.extent();
        } else if (next.extent() % open == 0) {
          int inner = next.extent() / open;
          own.add(new Loop(open, next.stride() * inner));
          rest.addFirst(new Loop(inner, next.stride()));
          open = 1;
        } else {
          return Optional.empty();
        }
      }
      all.add(own);
    }
    return Optional.of(all);
  }

  /** Whether it visits each of {@code elements} once. */
  boolean visitsAll(long elements) {
    long inner = 1;
    for (Loop loop : loops.stream().sorted(Comparator.comparingInt(Loop::stride)).toList()) {
      if (loop.stride() != inner) {
        return false;
      }
      inner *= loop.extent();
    }
    return offset == 0 && inner == elements;
  }
}
