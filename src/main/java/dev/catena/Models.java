package dev.catena;

import dev.catena.exec.Parameters;
import dev.catena.model.Catalogue;
import dev.catena.model.Network;

/** The catalogue's networks as models. */
public final class Models {
  private static final long SEED = 0;

  private Models() {}

  /**
   * The model of that name with initial weights drawn from seed 0.
   *
   * @throws UnknownModelException naming the nearest if there is none
   */
  public static Model get(String name) {
    return of(
        Catalogue.find(name)
            .orElseThrow(() -> new UnknownModelException(name, Catalogue.nearest(name))));
  }

  /** A model of a network of the user's own, with initial weights drawn from seed 0. */
  public static Model of(Network network) {
    return new Model(network, Parameters.initial(SEED), () -> {});
  }
}
