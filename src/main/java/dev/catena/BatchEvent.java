package dev.catena;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** One batch of a {@link Batcher}. */
@Name("dev.catena.Batch")
@Label("Batch")
@Category("Catena")
@Description("A batcher ran the images that had gathered")
@StackTrace(false)
final class BatchEvent extends Event {
  @Label("Images")
  int images;

  @Label("Queued")
  @Description("Images that wait for the next batch")
  int queued;

  void commit(int ofImages, int waiting) {
    end();
    if (shouldCommit()) {
      images = ofImages;
      queued = waiting;
      commit();
    }
  }
}
