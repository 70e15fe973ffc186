/** Convolutional networks with fused kernels and planned memory. */
module dev.catena {
  requires com.fasterxml.jackson.core;
  requires java.desktop;
  requires static com.google.protobuf;
  requires static info.picocli;
  requires static java.logging;
  requires static jcuda;
  requires jdk.jfr;
  requires static me.tongfei.progressbar;
  requires static org.jspecify;

  exports dev.catena;
  exports dev.catena.collective;
  exports dev.catena.device;
  exports dev.catena.error;
  exports dev.catena.graph;
  exports dev.catena.interop;
  exports dev.catena.io;
  exports dev.catena.io.datasets;
  exports dev.catena.plan;

  opens dev.catena.cli to
      info.picocli;
}
