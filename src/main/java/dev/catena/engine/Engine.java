package dev.catena.engine;

import dev.catena.device.Device;
import java.util.Optional;

/** Computes some operations on some devices. Thread-safe. */
public interface Engine {
  /**
   * A short name for {@code --engine} and reports: {@code kernel}, {@code cudnn}, {@code onednn}.
   */
  String name();

  /** Why it can do nothing in this process, such as a library that is not there; mostly empty. */
  default Optional<String> absent() {
    return Optional.empty();
  }

  /**
   * Whether it competes only for what no other engine does: its kernels are there for every shape,
   * not for speed.
   */
  default boolean isLastResort() {
    return false;
  }

  /** How it computes {@code problem} on {@code device}, or why it does not. */
  Offers offers(Problem problem, Device device);
}
