package dev.catena.engine.cudnn;

import static dev.catena.driver.CudnnConstants.ATTR_DEVICEPROP_DEVICE_ID;
import static dev.catena.driver.CudnnConstants.ATTR_DEVICEPROP_JSON_REPRESENTATION;
import static dev.catena.driver.CudnnConstants.ATTR_ENGINEHEUR_DEVICEPROP;
import static dev.catena.driver.CudnnConstants.ATTR_EXECUTION_PLAN_DEVICEPROP;
import static dev.catena.driver.CudnnConstants.BACKEND_DEVICEPROP_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.TYPE_INT32;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The device that plans are made for, known by its properties: one that is here, or the description
 * of one that is not. Planning needs no handle; what it gives is stored as text and restored with a
 * handle where it runs.
 */
final class CudnnTarget implements AutoCloseable {

  private final CudnnDescriptor properties;

  private CudnnTarget(CudnnDescriptor properties) {
    this.properties = properties;
  }

  /**
   * The device with these properties, as CUDA reports them.
   *
   * @param json the form of {@code CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION}
   * @throws CudnnException where cuDNN cannot read it
   */
  static CudnnTarget described(CudnnLibrary cudnn, String json) {
    return of(cudnn, p -> p.setText(ATTR_DEVICEPROP_JSON_REPRESENTATION, json));
  }

  /**
   * A device of this machine.
   *
   * @param ordinal as CUDA counts
   * @throws CudnnException where there is no such device, or cuDNN does not support it
   */
  static CudnnTarget present(CudnnLibrary cudnn, int ordinal) {
    return of(cudnn, p -> p.setEnum(ATTR_DEVICEPROP_DEVICE_ID, TYPE_INT32, ordinal));
  }

  /**
   * One of the descriptions that come with the library.
   *
   * @param name {@code a100}, {@code h200} or {@code b200}
   */
  static CudnnTarget named(CudnnLibrary cudnn, String name) {
    String resource = "/dev/catena/gpus/" + name + ".json";
    try (InputStream in = CudnnTarget.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalArgumentException("no description of a GPU named " + name);
      }
      return described(cudnn, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + resource, e);
    }
  }

  private interface Properties {
    void set(CudnnDescriptor descriptor);
  }

  private static CudnnTarget of(CudnnLibrary cudnn, Properties known) {
    var properties = new CudnnDescriptor(cudnn, BACKEND_DEVICEPROP_DESCRIPTOR);
    try {
      known.set(properties);
      return new CudnnTarget(properties.finish());
    } catch (RuntimeException e) {
      properties.close();
      throw e;
    }
  }

  /** Lets heuristics ask for this device. */
  void setHeuristics(CudnnDescriptor heuristics) {
    heuristics.setDescriptor(ATTR_ENGINEHEUR_DEVICEPROP, properties);
  }

  /** Lets a plan be compiled for this device. */
  void setPlan(CudnnDescriptor plan) {
    plan.setDescriptor(ATTR_EXECUTION_PLAN_DEVICEPROP, properties);
  }

  @Override
  public void close() {
    properties.close();
  }
}
