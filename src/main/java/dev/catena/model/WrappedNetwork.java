package dev.catena.model;

import dev.catena.graph.Network;

/** A network that changes some of what another says of itself. */
interface WrappedNetwork extends Network {
  /** The other. */
  Network network();

  @Override
  default String name() {
    return network().name();
  }

  @Override
  default int channels() {
    return network().channels();
  }

  @Override
  default int axes() {
    return network().axes();
  }
}
