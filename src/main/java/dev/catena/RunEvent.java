package dev.catena;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * One run of a session on one lane, from the copy of the images to the result. A lane keeps one and
 * commits it again and again, so that recording takes nothing from the heap.
 */
@Name("dev.catena.SessionRun")
@Label("Session Run")
@Category("Catena")
@Description("A session computed the results of some images")
@StackTrace(false)
final class RunEvent extends Event {
  @Label("Model")
  final String model;

  @Label("Device")
  final String device;

  @Label("Images")
  int images;

  @Label("Launches")
  final int launches;

  @Label("Bytes to the Device")
  @DataAmount
  long bytesIn;

  @Label("Bytes from the Device")
  @DataAmount
  long bytesOut;

  private final transient long imageBytes;

  RunEvent(Program program, String device, int launches) {
    this.model = program.plan().graph().name();
    this.device = device;
    this.launches = launches;
    this.imageBytes = program.input().shape().withImages(1).elements() * Float.BYTES;
  }

  /** Ends a run that copied so many bytes. */
  void commit(long in, long out) {
    end();
    if (shouldCommit()) {
      images = (int) (in / imageBytes);
      bytesIn = in;
      bytesOut = out;
      commit();
    }
  }
}
