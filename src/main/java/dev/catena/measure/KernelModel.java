package dev.catena.measure;

import dev.catena.device.Device;
import dev.catena.device.LaunchCounting;
import dev.catena.engine.EngineTimer;
import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Problem;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What engines' launches would take on a described GPU, from counts of a few of their blocks on a
 * device that interprets PTX. For one thread at a time.
 *
 * @param device that interprets
 * @param engines of the device
 * @param gpu that is described
 * @param blocks of a launch to run, at most about so many; 0 for all
 */
public record KernelModel(Device device, Engines engines, GpuSpec gpu, int blocks) {
  private static final long SEED = 20161;
  private static final AssemblerReport ASSEMBLED = AssemblerReport.read();

  /**
   * One launch.
   *
   * @param registers of a thread, 0 if the build has no report of the assembler
   * @param blocksRun of the grid; the counts stand for all of it
   */
  public record Launch(
      String kernel,
      String grid,
      int threads,
      int registers,
      int sharedBytes,
      int blocksRun,
      LaunchCounts counts,
      TimeModel time) {}

  /** The launches of an engine for a problem. */
  public record Modelled(Problem problem, Cost cost, String engine, List<Launch> launches) {
    public Modelled {
      launches = List.copyOf(launches);
    }

    /** The time of all launches. */
    public double seconds() {
      return launches.stream().mapToDouble(l -> l.time().time()).sum();
    }

    /** Bytes exchanged with the device's memory, of those that it takes at least. */
    public double traffic() {
      return launches.stream().mapToDouble(l -> l.counts().deviceBytes()).sum() / cost.bytes();
    }

    /** Conflicts of banks, of all wavefronts of shared memory. */
    public double conflicts() {
      double all = launches.stream().mapToDouble(l -> l.counts().sharedWavefronts()).sum();
      double lost = launches.stream().mapToDouble(l -> l.counts().sharedConflicts()).sum();
      return all == 0 ? 0 : lost / all;
    }
  }

  /** The launch that takes the longest. */
  public static Launch longest(List<Launch> launches) {
    return launches.stream()
        .max(Comparator.comparingDouble(launch -> launch.time().time()))
        .orElseThrow();
  }

  /** The engine that is preferred for {@code problem}. */
  public Modelled model(Problem problem) {
    return model(problem, engines.choose(problem));
  }

  /** All that compete for {@code problem}, the preferred one first. */
  public List<Modelled> contenders(Problem problem) {
    List<Modelled> all = new ArrayList<>(List.of(model(problem)));
    for (Offer offer : engines.contenders(problem)) {
      if (!offer.name().equals(all.getFirst().engine())) {
        all.add(model(problem, offer));
      }
    }
    return all;
  }

  private Modelled model(Problem problem, Offer offer) {
    List<Launch> launches = new ArrayList<>();
    try (EngineTimer once = new EngineTimer(device, problem, 1);
        LaunchCounting counting =
            LaunchCounting.start(device, blocks, SEED, gpu.l2Bytes(), gpu.l1Bytes())) {
      once.run(offer);
      counting.launches().forEach(launch -> launches.add(launch(launch)));
    }
    return new Modelled(problem, Cost.of(problem), offer.name(), launches);
  }

  private Launch launch(LaunchCounting.Counted counted) {
    var assembled = ASSEMBLED.of(counted.kernel(), gpu.capability());
    int registers = assembled.map(AssemblerReport.Resources::registers).orElse(0);
    int shared =
        counted.sharedBytes() + assembled.map(AssemblerReport.Resources::sharedBytes).orElse(0);
    int threads = (int) counted.block().count();
    LaunchCounts counts = LaunchCounts.of(counted.counts());
    TimeModel time = TimeModel.of(gpu, counts, Occupancy.of(gpu, threads, registers, shared));
    return new Launch(
        counted.kernel(),
        counted.grid().toString(),
        threads,
        registers,
        shared,
        counted.blocksRun(),
        counts,
        time);
  }
}
