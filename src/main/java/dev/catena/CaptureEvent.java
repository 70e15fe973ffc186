package dev.catena;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A program captured over a lane's arena, its first run included. */
@Name("dev.catena.Capture")
@Label("Capture")
@Category("Catena")
@Description("A program was run once and captured")
@StackTrace(false)
final class CaptureEvent extends Event {
  @Label("Model")
  String model;

  @Label("Device")
  String device;

  @Label("Batch")
  int batch;

  @Label("Launches")
  int launches;

  @Label("Planned Bytes")
  @DataAmount
  long planned;

  /** Ends the capture of {@code program}. */
  void commit(Program program, String device, int launches) {
    end();
    if (shouldCommit()) {
      this.model = program.plan().graph().name();
      this.device = device;
      this.batch = program.batch();
      this.launches = launches;
      this.planned = program.plan().peakBytes();
      commit();
    }
  }
}
