package dev.catena.bench;

import dev.catena.Models;
import dev.catena.Parameters;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;

/** A model's weights from a file that the system has in its cache. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class SafeTensorsLoad extends Measured {
  /** A name of the catalogue. */
  @Param("densenet121")
  public String model;

  private Path file;

  /** Writes the file. */
  @Setup
  public void write() throws IOException {
    file = Files.createTempFile("catena-bench", ".safetensors");
    Parameters weights = Parameters.initial(0);
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : Models.get(model).network().graph(1, DType.FP32).nodes()) {
      if (node.op() instanceof Op.Parameter) {
        long[] shape = dims(node);
        writer.add(node.name(), DType.FP32, shape, weights.values(node));
      }
    }
    writer.write(file);
  }

  private static long[] dims(Node node) {
    return node.output().shape().dims().stream().mapToLong(Integer::longValue).toArray();
  }

  /** Deletes the file. */
  @TearDown
  public void delete() throws IOException {
    Files.delete(file);
  }

  /** Opening and checking alone. */
  @Benchmark
  public int open() throws IOException {
    try (SafeTensors tensors = SafeTensors.open(file)) {
      return tensors.tensors().size();
    }
  }

  /** Opening, and every value. */
  @Benchmark
  public void read(Blackhole values) throws IOException {
    try (SafeTensors tensors = SafeTensors.open(file)) {
      for (String name : tensors.tensors().keySet()) {
        values.consume(tensors.floats(name));
      }
    }
  }
}
