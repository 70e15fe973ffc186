package dev.catena.device;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tells of objects that were forgotten without close(). Those of one session are found at about the
 * same time, and told in one line. Thread-safe.
 */
final class Leaks {
  /** Whether each object says where it was opened. */
  static final boolean TRACE = "trace".equals(System.getProperty("catena.leaks"));

  private static final System.Logger LOG = System.getLogger("dev.catena.device");
  private static final int GATHERING_MILLIS = 100;
  private static final List<String> FOUND = new ArrayList<>();

  private Leaks() {}

  /** Tells of {@code what}, at once with {@code site} if that is known, else with others. */
  static synchronized void add(String what, @Nullable Throwable site) {
    if (site != null) {
      LOG.log(System.Logger.Level.WARNING, sentence(what, "was", "its device frees it"), site);
      return;
    }
    FOUND.add(what);
    if (FOUND.size() == 1) {
      CompletableFuture.delayedExecutor(GATHERING_MILLIS, TimeUnit.MILLISECONDS)
          .execute(Leaks::tell);
    }
  }

  private static synchronized void tell() {
    String first = FOUND.getFirst();
    String sentence =
        FOUND.size() == 1
            ? sentence(first, "was", "its device frees it")
            : sentence(
                FOUND.size() + " objects, " + first + " first,", "were", "devices free them");
    FOUND.clear();
    LOG.log(
        System.Logger.Level.WARNING,
        sentence + " (-Dcatena.leaks=trace tells where each was opened)");
  }

  private static String sentence(String what, String were, String then) {
    return "%s %s forgotten without close(); %s".formatted(what, were, then);
  }
}
