package dev.catena.spark;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Session;
import dev.catena.device.Device;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkEnv;

/**
 * The sessions of an executor: one for each network and device, with a lane for each task that runs
 * at once. They stay open until the process ends.
 */
final class Sessions {
  private static final Map<List<Object>, Session> OPEN = new HashMap<>();
  private static final List<AutoCloseable> CLOSED_AT_EXIT = new ArrayList<>();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(Sessions::closeAll, "catena-close"));
  }

  private Sessions() {}

  /** The session for the task that calls it. */
  static synchronized Session of(NetworkSource source) throws IOException {
    String device = source.deviceOfTask();
    List<Object> key = List.of(source, device);
    Session session = OPEN.get(key);
    if (session == null) {
      Device opened = NetworkSource.open(device);
      CLOSED_AT_EXIT.addFirst(opened);
      int cores = SparkEnv.get().conf().getInt("spark.executor.cores", 1);
      int lanes = Math.max(1, cores / SparkEnv.get().conf().getInt("spark.task.cpus", 1));
      try (Model model = source.open()) {
        Inference options = Inference.batch(source.batch()).dtype(source.type()).lanes(lanes);
        session = model.compile(opened, options.image(source.height(), source.width()));
      }
      CLOSED_AT_EXIT.addFirst(session);
      OPEN.put(key, session);
    }
    return session;
  }

  private static synchronized void closeAll() {
    for (AutoCloseable resource : CLOSED_AT_EXIT) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException("a session was not closed", e);
      }
    }
  }
}
