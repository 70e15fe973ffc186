package dev.catena.spark;

import dev.catena.Classification;
import dev.catena.Session;
import dev.catena.error.FormatException;
import dev.catena.io.Preprocessing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Runs the rows of a partition through the executor's session, a batch at a time.
 *
 * @param column index of the images
 * @param preprocessing of pictures; null for that of ImageNet's models
 * @param top how many classes a row gets; 0 for all values of the network
 * @param failOnError whether an image that cannot be read fails the job; else its row gets null,
 *     and the reason in one more column
 */
record Batches(
    NetworkSource source, int column, Preprocessing preprocessing, int top, boolean failOnError)
    implements MapPartitionsFunction<Row, Row> {

  @Override
  public Iterator<Row> call(Iterator<Row> rows) throws Exception {
    Session session = Sessions.of(source);
    ImageReader reader = ImageReader.of(column, preprocessing, session.height());
    Queue<Row> ready = new ArrayDeque<>();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        if (ready.isEmpty() && rows.hasNext()) {
          ready.addAll(run(session, reader, rows));
        }
        return !ready.isEmpty();
      }

      @Override
      public Row next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return ready.remove();
      }
    };
  }

  /** The results of the next batch. */
  private List<Row> run(Session session, ImageReader reader, Iterator<Row> rows) {
    List<Row> taken = new ArrayList<>();
    List<String> errors = new ArrayList<>();
    long imageBytes = (long) session.imageSize() * Float.BYTES;
    long resultBytes = (long) session.resultSize() * Float.BYTES;
    int count = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment images = arena.allocate(session.maxBatch() * imageBytes, 64);
      while (count < session.maxBatch()
          && taken.size() < 2 * session.maxBatch()
          && rows.hasNext()) {
        Row row = rows.next();
        String error = null;
        try {
          reader.read(row, images.asSlice(count * imageBytes, imageBytes));
          count++;
        } catch (FormatException | IllegalArgumentException e) {
          if (failOnError) {
            throw e;
          }
          error = e.getMessage();
        }
        taken.add(row);
        errors.add(error);
      }
      MemorySegment results = arena.allocate(Math.max(1, count) * resultBytes, 64);
      if (count > 0) {
        session.run(images.asSlice(0, count * imageBytes), results.asSlice(0, count * resultBytes));
      }
      List<Row> made = new ArrayList<>();
      int at = 0;
      for (int i = 0; i < taken.size(); i++) {
        Object result = null;
        if (errors.get(i) == null) {
          MemorySegment own = results.asSlice(at++ * resultBytes, resultBytes);
          result = result(own.toArray(ValueLayout.JAVA_FLOAT));
        }
        made.add(row(taken.get(i), result, errors.get(i)));
      }
      return made;
    }
  }

  private Object result(float[] values) {
    return top == 0
        ? values
        : Classification.best(values, top, List.of()).stream()
            .map(c -> RowFactory.create(c.label(), c.logit(), c.probability()))
            .toArray(Row[]::new);
  }

  private Row row(Row given, Object result, String error) {
    Object[] values = new Object[given.length() + (failOnError ? 1 : 2)];
    for (int i = 0; i < given.length(); i++) {
      values[i] = given.get(i);
    }
    values[given.length()] = result;
    if (!failOnError) {
      values[given.length() + 1] = error;
    }
    return RowFactory.create(values);
  }
}
