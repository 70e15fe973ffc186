package dev.catena.device;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** Device memory that was asked for. */
@Name("dev.catena.Allocation")
@Label("Device Allocation")
@Category("Catena")
@Description("Device memory was asked for")
final class AllocationEvent extends Event {
  @Label("Device")
  String device;

  @Label("Bytes")
  @DataAmount
  long bytes;

  @Label("Succeeded")
  boolean succeeded;

  /** Ends an allocation. */
  void commit(String on, long size) {
    end();
    if (shouldCommit()) {
      device = on;
      bytes = size;
      commit();
    }
  }
}
