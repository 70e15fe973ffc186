package dev.catena.engine;

import dev.catena.device.Device;
import java.util.List;
import java.util.Optional;

/**
 * Someone who can compute some operations on some devices. Thread-safe.
 *
 * <p>It is asked before it is used: {@link #unsupported} answers from the problem and the device
 * alone, and what it supports it prepares without failing.
 */
public interface Engine {
  /**
   * A short name for {@code --engine} and reports: {@code kernel}, {@code cudnn}, {@code onednn}.
   */
  String name();

  /** Why it can do nothing in this process, such as a library that is not there; mostly empty. */
  default Optional<String> absent() {
    return Optional.empty();
  }

  /** Why this engine cannot compute {@code problem} on {@code device}; empty if it can. */
  Optional<String> unsupported(Problem problem, Device device);

  /**
   * Whether it is worth measuring where others can do the same. A kernel that a device runs only to
   * check it is not.
   */
  default boolean competes(Problem problem, Device device) {
    return true;
  }

  /**
   * The ways in which this engine may compute a problem, where only a measurement can tell which is
   * the fastest; empty where it knows, as most do. The tuner measures them in its place. Each has a
   * name of its own, by which the choice is remembered.
   */
  default List<Engine> alternatives(Problem problem, Device device) {
    return List.of();
  }

  /** Bytes of scratch memory that it needs while it computes a supported problem. */
  long workspace(Problem problem, Device device);

  /** The launches of a supported problem on given addresses. */
  Work prepare(Problem problem, Binding binding, Device device);
}
