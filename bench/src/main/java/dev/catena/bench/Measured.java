package dev.catena.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;

/** How all benchmarks are run unless the command line says otherwise. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {Measured.NATIVE, Measured.UNSAFE})
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public abstract class Measured {
  /** The device's time, beside the host's of the iteration that has ended. */
  @TearDown(Level.Iteration)
  public void measureDevice(BenchmarkParams benchmark) {
    DeviceTime.measure(benchmark);
  }

  /** JMH measures the layout of objects with it; without this every fork complains. */
  static final String UNSAFE = "--sun-misc-unsafe-memory-access=allow";

  /** All in one jar calls native functions. */
  static final String NATIVE = "--enable-native-access=ALL-UNNAMED";
}
