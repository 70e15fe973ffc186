package dev.catena;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Gathers single images, given by any threads, into batches of a session. Thread-safe; made for
 * virtual threads too.
 *
 * <p>There is no thread of its own: a caller who finds a lane free runs what has gathered, oldest
 * first, its own image among it; others wait for their results. A caller who is alone runs at once.
 * Where the last batch had more images, it waits for as many, up to the largest delay.
 */
public final class Batcher implements AutoCloseable {
  private final Session session;
  private final long delayNanos;
  private final int maxBatch;
  private final int capacity;
  private final int lanes;
  private final BatcherCounts counts;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition gathered = lock.newCondition();
  private final Condition drained = lock.newCondition();
  private final Deque<Request> queue = new ArrayDeque<>();
  private final Deque<Buffers> buffers = new ArrayDeque<>();
  private final Arena arena = Arena.ofShared();
  private int leaders;
  private int lastBatch = 1;
  private boolean closed;

  Batcher(Session session, int lanes, Duration maxDelay, int maxBatch, int capacity) {
    if (maxBatch < 1 || maxBatch > session.maxBatch()) {
      throw new IllegalArgumentException(
          "a batch of %d images is not between 1 and the session's largest, %d"
              .formatted(maxBatch, session.maxBatch()));
    } else if (maxDelay.isNegative() || capacity < 1) {
      throw new IllegalArgumentException(
          "a delay of %s or a queue of %d is not possible".formatted(maxDelay, capacity));
    }
    this.session = session;
    this.lanes = lanes;
    this.delayNanos = maxDelay.toNanos();
    this.maxBatch = maxBatch;
    this.capacity = capacity;
    this.counts = new BatcherCounts(maxBatch);
  }

  /** An image that waits, and who waits for it. All but the result is guarded by the lock. */
  private final class Request {
    final float[] image;
    final CompletableFuture<float[]> result = new CompletableFuture<>();
    final long start = System.nanoTime();

    /** Of the thread that waits; null where nobody does. */
    final @Nullable Condition turn;

    boolean leads;

    Request(float[] image, boolean awaited) {
      this.image = image;
      this.turn = awaited ? lock.newCondition() : null;
    }
  }

  /** Room for a batch. */
  private record Buffers(MemorySegment images, MemorySegment results) {}

  /**
   * Computes the result of one image.
   *
   * @param image as {@link Session#run(float[])} takes it; it must not change until the result is
   *     there
   * @return the row of the image
   * @throws IllegalArgumentException if it is not one image
   * @throws RejectedExecutionException if the queue is full
   * @throws IllegalStateException after {@link #close}
   * @throws InterruptedException if the thread is interrupted while it waits; the image is not
   *     computed if it has not begun
   */
  public float[] run(float[] image) throws InterruptedException {
    Request mine = offer(image, true);
    boolean leads;
    lock.lock();
    try {
      while (!mine.leads && !mine.result.isDone()) {
        mine.turn.await();
      }
      leads = mine.leads;
    } catch (InterruptedException e) {
      mine.result.cancel(false);
      if (mine.leads) {
        passOn();
      }
      throw e;
    } finally {
      lock.unlock();
    }
    if (leads) {
      lead(mine);
    }
    return result(mine);
  }

  /**
   * The same without waiting. What the caller chains to the future runs on a virtual thread of its
   * own and may use the batcher again.
   *
   * @param image as {@link Session#run(float[])} takes it; it must not change until the future is
   *     done
   * @return the row; an image whose future is cancelled before it has begun is not computed
   */
  public CompletableFuture<float[]> submit(float[] image) {
    return offer(image, false).result;
  }

  private Request offer(float[] image, boolean awaited) {
    if (image.length != session.imageSize()) {
      throw new IllegalArgumentException(
          "an image has %d floats, not %d".formatted(session.imageSize(), image.length));
    }
    Request request = new Request(image, awaited);
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the batcher is closed");
      }
      if (queue.size() >= capacity) {
        dropDone();
      }
      if (queue.size() >= capacity) {
        counts.reject();
        throw new RejectedExecutionException(
            "%d images wait, which is as many as may".formatted(capacity));
      }
      queue.add(request);
      if (leaders < lanes) {
        leaders++;
        appoint(request);
      } else {
        gathered.signalAll();
      }
      return request;
    } finally {
      lock.unlock();
    }
  }

  /** Runs batches until {@code mine} was in one, then lets another caller do it. */
  private void lead(Request mine) {
    List<Request> batch = new ArrayList<>();
    lock.lock();
    try {
      while (!mine.result.isDone() && queue.contains(mine)) {
        gather(batch);
        lock.unlock();
        try {
          execute(batch);
        } finally {
          lock.lock();
        }
        for (Request done : batch) {
          if (done.turn != null) {
            done.turn.signal();
          }
        }
        batch.clear();
      }
    } finally {
      passOn();
      lock.unlock();
    }
  }

  /** Gives the leadership to whoever has waited longest and does not lead yet. */
  private void passOn() {
    dropDone(); // the thread of a cancelled request is gone: it cannot lead
    for (Request request : queue) {
      if (!request.leads && !request.result.isDone()) {
        appoint(request);
        return;
      }
    }
    leaders--;
    drained.signalAll();
  }

  private void dropDone() {
    queue.removeIf(
        request -> {
          boolean done = request.result.isDone();
          if (done) {
            counts.cancel();
          }
          return done;
        });
  }

  private void appoint(Request request) {
    request.leads = true;
    if (request.turn == null) {
      Thread.ofVirtual().name("catena-batcher").start(() -> lead(request));
    } else {
      request.turn.signal();
    }
  }

  /** Waits for as many images as the last batch had, then takes all that fit. */
  private void gather(List<Request> batch) {
    int wanted = Math.min(maxBatch, lastBatch);
    long left = delayNanos - (System.nanoTime() - queue.peek().start);
    while (queue.size() < wanted && left > 0 && !closed) {
      try {
        left = gathered.awaitNanos(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    while (batch.size() < maxBatch && !queue.isEmpty()) {
      Request next = queue.poll();
      if (next.result.isDone()) {
        counts.cancel();
      } else {
        batch.add(next);
      }
    }
    if (!batch.isEmpty()) {
      lastBatch = batch.size();
    }
  }

  private void execute(List<Request> batch) {
    if (batch.isEmpty()) {
      return;
    }
    BatchEvent event = new BatchEvent();
    event.begin();
    try {
      List<float[]> rows =
          batch.size() == 1 ? List.of(session.run(batch.getFirst().image)) : compute(batch);
      counts.add(batch.size(), batch.stream().mapToLong(request -> request.start).toArray());
      for (int i = 0; i < rows.size(); i++) {
        Request request = batch.get(i);
        float[] row = rows.get(i);
        finish(request, () -> request.result.complete(row));
      }
    } catch (RuntimeException | Error e) {
      counts.fail(batch.size());
      batch.forEach(request -> finish(request, () -> request.result.completeExceptionally(e)));
    }
    event.commit(batch.size(), queued());
  }

  /** What users have chained to a future must not hold up the leader. */
  private static void finish(Request request, Runnable completion) {
    if (request.turn == null) {
      Thread.ofVirtual().name("catena-batcher").start(completion);
    } else {
      completion.run();
    }
  }

  private List<float[]> compute(List<Request> batch) {
    Buffers room = take();
    try {
      int imageSize = session.imageSize();
      int resultSize = session.resultSize();
      for (int i = 0; i < batch.size(); i++) {
        long to = (long) i * imageSize * Float.BYTES;
        MemorySegment.copy(
            batch.get(i).image, 0, room.images, ValueLayout.JAVA_FLOAT, to, imageSize);
      }
      long rowBytes = (long) resultSize * Float.BYTES;
      MemorySegment rows = room.results.asSlice(0, batch.size() * rowBytes);
      session.run(room.images.asSlice(0, (long) batch.size() * imageSize * Float.BYTES), rows);
      List<float[]> copies = new ArrayList<>();
      for (int i = 0; i < batch.size(); i++) {
        copies.add(rows.asSlice(i * rowBytes, rowBytes).toArray(ValueLayout.JAVA_FLOAT));
      }
      return copies;
    } finally {
      giveBack(room);
    }
  }

  private void giveBack(Buffers room) {
    lock.lock();
    try {
      buffers.push(room);
    } finally {
      lock.unlock();
    }
  }

  private Buffers take() {
    lock.lock();
    try {
      if (!buffers.isEmpty()) {
        return buffers.pop();
      }
    } finally {
      lock.unlock();
    }
    long images = (long) maxBatch * session.imageSize() * Float.BYTES;
    long results = (long) maxBatch * session.resultSize() * Float.BYTES;
    return new Buffers(arena.allocate(images, 64), arena.allocate(results, 64));
  }

  /** Waits too: another leader may have taken the image. */
  private static float[] result(Request request) throws InterruptedException {
    try {
      return request.result.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        default -> throw new AssertionError(e);
      }
    }
  }

  private int queued() {
    lock.lock();
    try {
      return queue.size();
    } finally {
      lock.unlock();
    }
  }

  /** What has been done so far. */
  public BatcherMetrics metrics() {
    return counts.metrics(queued());
  }

  /** Refuses further images, waits until those given before are computed; may be called twice. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed && leaders == 0) {
        return;
      }
      closed = true;
      gathered.signalAll();
      while (leaders > 0) {
        drained.awaitUninterruptibly();
      }
      if (arena.scope().isAlive()) {
        arena.close();
      }
    } finally {
      lock.unlock();
    }
  }
}
