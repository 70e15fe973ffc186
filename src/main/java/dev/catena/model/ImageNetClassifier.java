package dev.catena.model;

import dev.catena.graph.Network;

/** A network for ImageNet's images, 224x224 in three colours, and its thousand classes. */
interface ImageNetClassifier extends Network {
  @Override
  default int channels() {
    return 3;
  }

  @Override
  default int imageSize() {
    return 224;
  }

  @Override
  default int classes() {
    return 1000;
  }
}
