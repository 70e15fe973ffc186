package dev.catena.spark;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.device.Device;
import dev.catena.device.HostDevice;
import dev.catena.graph.DType;
import java.io.IOException;
import java.io.Serializable;
import java.util.Locale;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;

/**
 * Which network a task opens, and where.
 *
 * @param model a name, if there is no ONNX file
 * @param onnx null for a network by name
 * @param inside the name of a value of an ONNX model; empty for its first output
 * @param weights null for none
 * @param height of an image, 0 for the network's own
 * @param width of an image, 0 for the network's own
 * @param classes 0 for the network's own
 * @param device empty for the task's own
 */
record NetworkSource(
    String model,
    ShippedFile onnx,
    String inside,
    ShippedFile weights,
    int height,
    int width,
    int classes,
    String dtype,
    String device,
    int batch)
    implements Serializable {

  /** The network, to be closed. */
  Model open() throws IOException {
    Model named =
        onnx == null
            ? Models.get(model)
            : onnx.read(f -> inside.isEmpty() ? Models.onnx(f) : Models.onnx(f, inside));
    Model counted = classes == 0 ? named : named.classes(classes);
    Model sized = height == 0 ? counted : counted.sized(height, width);
    return weights == null ? sized : weights.read(sized::load);
  }

  DType type() {
    return DType.valueOf(dtype.toUpperCase(Locale.ROOT));
  }

  /** The device of the task that calls it. */
  String deviceOfTask() {
    var gpu = TaskContext.get().resourcesJMap().get("gpu");
    return device.isEmpty() && gpu != null ? "cuda:" + gpu.addresses()[0] : device;
  }

  /** Opens a device; on the host, for as many threads as the executor has cores. */
  static Device open(String name) {
    Device opened = name.isEmpty() ? Device.open() : Device.open(name);
    int cores = SparkEnv.get().conf().getInt("spark.executor.cores", 0);
    if (opened.threads() > 0 && cores > 0) {
      HostDevice.of(opened).setThreads(cores);
    }
    return opened;
  }
}
