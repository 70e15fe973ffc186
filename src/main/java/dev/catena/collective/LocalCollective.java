package dev.catena.collective;

import dev.catena.error.RankFailedException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ranks that are threads of one process. Sums are made in the order of the ranks: they have the
 * same bits in every run.
 */
public final class LocalCollective extends HostCollective {
  private final Group group;
  private final int rank;

  private LocalCollective(Group group, int rank) {
    this.group = group;
    this.rank = rank;
  }

  /** What a rank does. */
  public interface Task {
    /** Does it. */
    void run(Collective ranks) throws IOException;
  }

  /**
   * Runs {@code task} on {@code size} ranks, each a thread, and waits for all. Where one fails the
   * others end too.
   *
   * @param size at least 1
   * @throws IOException what the first rank that failed threw, if it is one
   */
  public static void run(int size, Task task) throws IOException {
    if (size < 1) {
      throw new IllegalArgumentException("%d ranks are not possible".formatted(size));
    }
    Group group = new Group(size);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      LocalCollective ranks = group.rank(i);
      threads.add(Thread.ofPlatform().name("catena-rank-" + i).start(() -> group.run(task, ranks)));
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          group.fail("the run was interrupted", e);
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    switch (group.cause) {
      case null -> {}
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(group.cause);
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return group.given.length;
  }

  @Override
  protected void sum(MemorySegment floats) {
    group.offer(rank, floats);
    long count = floats.byteSize() / Float.BYTES;
    long first = count * rank / size();
    long bytes = (count * (rank + 1) / size() - first) * Float.BYTES;
    MemorySegment part = group.total.asSlice(first * Float.BYTES, bytes);
    part.copyFrom(group.given[0].asSlice(first * Float.BYTES, bytes));
    for (int other = 1; other < size(); other++) {
      add(part, group.given[other].asSlice(first * Float.BYTES, bytes));
    }
    group.meet();
    floats.copyFrom(group.total.asSlice(0, floats.byteSize()));
    group.meet();
  }

  private static void add(MemorySegment sum, MemorySegment addend) {
    int count = Math.toIntExact(sum.byteSize() / Float.BYTES);
    for (int i = 0; i < count; i++) {
      float value =
          sum.getAtIndex(ValueLayout.JAVA_FLOAT, i) + addend.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      sum.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
  }

  @Override
  protected void broadcast(MemorySegment floats) {
    group.offer(rank, floats);
    if (rank != 0) {
      floats.copyFrom(group.given[0]);
    }
    group.meet();
  }

  @Override
  void onFailure(Runnable action) {
    synchronized (group) {
      if (group.cause == null) {
        group.onFailure.add(action);
        return;
      }
    }
    action.run();
  }

  @Override
  public void barrier() {
    group.meet();
  }

  @Override
  public void abort(Throwable failure) {
    group.fail("rank %d failed: %s".formatted(rank, failure.getMessage()), failure);
  }

  @Override
  public void close() {
    if (size() > 1) {
      group.fail("rank %d has ended".formatted(rank), null);
    }
  }

  /** What the ranks share. */
  static final class Group {
    private final MemorySegment[] given;
    private MemorySegment total = MemorySegment.NULL;
    private final List<Runnable> onFailure = new ArrayList<>();
    private int arrived;
    private long meetings;
    private @Nullable String failure;
    private @Nullable Throwable cause;

    Group(int size) {
      given = new MemorySegment[size];
    }

    LocalCollective rank(int index) {
      return new LocalCollective(this, index);
    }

    private void run(Task task, LocalCollective ranks) {
      try {
        task.run(ranks);
      } catch (IOException | RuntimeException | Error e) {
        ranks.abort(e);
      } finally {
        ranks.close();
      }
    }

    /** Waits until every rank has given its floats, and there is room for their sum. */
    private void offer(int rank, MemorySegment floats) {
      synchronized (this) {
        given[rank] = floats;
        if (total.byteSize() < floats.byteSize()) {
          total = Arena.ofAuto().allocate(floats.byteSize(), Float.BYTES);
        }
      }
      meet();
      for (int other = 1; other < given.length; other++) {
        if (given[other].byteSize() != given[0].byteSize()) {
          throw new RankFailedException(
              "rank %d gives %d bytes, rank 0 %d"
                  .formatted(other, given[other].byteSize(), given[0].byteSize()));
        }
      }
    }

    private synchronized void meet() {
      requireSound();
      if (++arrived == given.length) {
        arrived = 0;
        meetings++;
        notifyAll();
        return;
      }
      long meeting = meetings;
      while (meeting == meetings) {
        requireSound();
        try {
          wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new RankFailedException("interrupted while waiting for the other ranks", e);
        }
      }
    }

    private synchronized void fail(String message, @Nullable Throwable failed) {
      if (cause == null) {
        failure = failure == null ? message : failure;
        cause = failed;
        if (failed != null) {
          onFailure.forEach(Runnable::run);
        }
      }
      notifyAll();
    }

    private void requireSound() {
      if (failure != null) {
        throw new RankFailedException(failure, cause);
      }
    }
  }
}
