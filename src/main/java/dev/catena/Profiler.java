package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.Event;
import dev.catena.device.NamedRange;
import dev.catena.device.Stream;
import dev.catena.engine.Work;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Times steps by events between their launches, and names them to a profiler that looks on. Outside
 * the captured graph, whose launches leave no room for events.
 */
final class Profiler implements AutoCloseable {
  private final List<Step> steps;
  private final List<Work> works;
  private final Stream stream;
  private final List<Event> events = new ArrayList<>();
  private final NamedRange round = new NamedRange("profile");
  private final List<NamedRange> ranges;

  /** {@code works} computes {@code steps}, one for one. */
  Profiler(List<Step> steps, List<Work> works, Stream stream, Device device) {
    this.steps = steps;
    this.works = works;
    this.stream = stream;
    ranges = steps.stream().map(step -> new NamedRange(step.toString())).toList();
    try {
      while (events.size() <= works.size()) {
        events.add(device.newEvent());
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** The steps in order, each once, with their median times. */
  List<StepTime> measure(int rounds) {
    double[][] millis = new double[works.size()][rounds];
    for (int r = 0; r < rounds; r++) {
      round.around(this::enqueue);
      for (int i = 0; i < works.size(); i++) {
        millis[i][r] = events.get(i + 1).millisecondsSince(events.get(i));
      }
    }
    Map<String, StepTime> times = new LinkedHashMap<>();
    for (int i = 0; i < works.size(); i++) {
      Arrays.sort(millis[i]);
      StepTime time = time(i, millis[i][rounds / 2]);
      times.merge(time.step(), time, Profiler::sum); // a step of several slices comes several times
    }
    return List.copyOf(times.values());
  }

  private void enqueue() {
    stream.record(events.getFirst());
    for (int i = 0; i < works.size(); i++) {
      Work work = works.get(i);
      ranges.get(i).around(() -> work.enqueue(stream));
      stream.record(events.get(i + 1));
    }
    stream.synchronize();
  }

  private StepTime time(int i, double millis) {
    Step step = steps.get(i);
    return new StepTime(
        step.name(), step.operation(), step.engine(), works.get(i).launches(), millis);
  }

  private static StepTime sum(StepTime a, StepTime b) {
    return new StepTime(
        a.step(), a.operation(), a.engine(), a.launches() + b.launches(), a.millis() + b.millis());
  }

  @Override
  public void close() {
    events.forEach(Event::close);
  }
}
