package dev.catena.device;

import dev.catena.error.CudaException;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** The failure after which a device answers no more. */
@Name("dev.catena.DeviceLoss")
@Label("Device Loss")
@Category("Catena")
@Description("A failure after which every call to the device fails")
final class DeviceLossEvent extends Event {
  @Label("Device")
  String device;

  @Label("Function")
  String function;

  @Label("Code")
  int code;

  @Label("Error")
  String error;

  static void commit(String device, CudaException first) {
    DeviceLossEvent event = new DeviceLossEvent();
    if (event.isEnabled()) {
      event.device = device;
      event.function = first.function();
      event.code = first.code();
      event.error = first.getMessage();
      event.commit();
    }
  }
}
