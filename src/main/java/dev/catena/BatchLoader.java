package dev.catena;

import dev.catena.io.datasets.ImageSet;
import dev.catena.io.datasets.Normalization;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Loads batches in the background, one ahead, epoch after epoch without end. One thread takes them;
 * an error in loading reaches it with the batch that could not be loaded.
 */
final class BatchLoader implements AutoCloseable {
  private static final int BUFFERS = 2;
  private static final long ALIGNMENT = 64;

  private final ImageSet set;
  private final Sampler sampler;
  private final int first;
  private final int count;
  private final Optional<Normalization> normalization;
  private final long imageBytes;
  private final Arena arena = Arena.ofShared();
  private final BlockingQueue<Batch> free = new ArrayBlockingQueue<>(BUFFERS);
  private final BlockingQueue<Loaded> ready = new ArrayBlockingQueue<>(BUFFERS);
  private final Thread thread;
  private @Nullable Batch taken;

  private sealed interface Loaded {}

  private record Filled(Batch batch, Batch buffer) implements Loaded {}

  private record Failed(Throwable cause) implements Loaded {}

  /**
   * A loader that begins at once.
   *
   * @param set the images, which the loader does not close
   * @param sampler the images of each batch
   * @param firstStep the number of the first batch wanted, over all epochs
   * @param normalization applied to the images; without it they are as they are stored
   */
  public BatchLoader(
      ImageSet set, Sampler sampler, long firstStep, Optional<Normalization> normalization) {
    this(set, sampler, firstStep, normalization, 0, sampler.batch());
  }

  /** The same that loads only {@code count} images of each full batch, from {@code first} on. */
  BatchLoader(
      ImageSet set,
      Sampler sampler,
      long firstStep,
      Optional<Normalization> normalization,
      int first,
      int count) {
    this.set = set;
    this.sampler = sampler;
    this.first = first;
    this.count = count;
    this.normalization = normalization;
    imageBytes = set.image().elements() * Float.BYTES;
    for (int i = 0; i < BUFFERS; i++) {
      MemorySegment images = arena.allocate(count * imageBytes, ALIGNMENT);
      free.add(new Batch(-1, images, new int[count]));
    }
    thread = Thread.ofPlatform().daemon().name("catena-loader").start(() -> load(firstStep));
  }

  /**
   * The next batch; the one before must not be used any more.
   *
   * @throws IOException if a file could not be read
   * @throws dev.catena.error.FormatException if a file is damaged
   */
  public Batch next() throws IOException {
    if (taken != null) {
      free.add(taken);
      taken = null;
    }
    try {
      switch (ready.take()) {
        case Filled(Batch batch, Batch buffer) -> {
          taken = buffer;
          return batch;
        }
        case Failed failed -> {
          ready.add(failed);
          throw rethrown(failed.cause());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for a batch", e);
    }
  }

  private static IOException rethrown(Throwable cause) {
    switch (cause) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case IOException e -> {
        return e;
      }
      default -> throw new IllegalStateException(cause);
    }
  }

  private void load(long firstStep) {
    try {
      int steps = sampler.steps();
      int[] images = sampler.epoch(firstStep / steps);
      for (long step = firstStep; ; step++) {
        if (step % steps == 0) {
          images = sampler.epoch(step / steps);
        }
        Batch buffer = free.take();
        ready.add(new Filled(fill(buffer, step, images, (int) (step % steps)), buffer));
      }
    } catch (InterruptedException _) {
      // Closed.
    } catch (IOException | RuntimeException | Error e) {
      ready.add(new Failed(e));
    }
  }

  private Batch fill(Batch buffer, long step, int[] images, int position)
      throws IOException, InterruptedException {
    int from = position * sampler.batch() + first;
    int some = Math.min(count, images.length - from);
    for (int i = 0; i < some; i++) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      int index = images[from + i];
      MemorySegment image = buffer.images().asSlice(i * imageBytes, imageBytes);
      set.copy(index, image);
      normalization.ifPresent(n -> n.apply(image));
      buffer.labels()[i] = set.label(index);
    }
    return new Batch(
        step, buffer.images().asSlice(0, some * imageBytes), Arrays.copyOf(buffer.labels(), some));
  }

  /** Stops the thread and frees the buffers. */
  @Override
  public void close() {
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    arena.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
