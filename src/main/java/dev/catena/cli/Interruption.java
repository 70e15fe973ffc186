package dev.catena.cli;

import java.util.concurrent.CountDownLatch;

/**
 * Holds up the end of the process that SIGINT or SIGTERM asks for, until what is under way is
 * closed. Then the process ends with 128 plus the signal's number.
 */
final class Interruption implements AutoCloseable {
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread hook;
  private volatile boolean requested;

  /**
   * Begins to listen.
   *
   * @param sentence for the user who interrupts
   */
  Interruption(String sentence) {
    hook =
        new Thread(
            () -> {
              requested = true;
              System.err.println("catena: " + sentence);
              try {
                closed.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** True if the process shall end. */
  boolean isRequested() {
    return requested;
  }

  @Override
  public void close() {
    closed.countDown();
    if (!requested) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The process ends just now; the hook waits no longer.
      }
    }
  }
}
