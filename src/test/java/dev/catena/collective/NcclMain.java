package dev.catena.collective;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;

/** Ranks of one process that sum and broadcast by NCCL, or by a library that stands for it. */
final class NcclMain {
  private static final int COUNT = 1000;
  private static final int RANKS = 3;
  private static final AtomicLongArray STREAMS = new AtomicLongArray(RANKS);

  private NcclMain() {}

  public static void main(String[] args) throws IOException {
    LocalCollective.run(RANKS, NcclMain::rank);
    // Now, when the library writes no more.
    for (int rank = 0; rank < RANKS; rank++) {
      System.out.printf("stream of rank %d: 0x%x%n", rank, STREAMS.get(rank));
    }
    System.out.println("summed");
  }

  private static void rank(Collective ranks) {
    try (Device device = Device.open("host");
        Stream stream = device.newStream();
        DeviceMemory memory = device.allocate(COUNT * Float.BYTES);
        Collective nccl = new NcclCollective((HostCollective) ranks, device)) {
      STREAMS.set(ranks.rank(), stream.handle());
      float[] values = new float[COUNT];
      Arrays.fill(values, ranks.rank() + 1);
      memory.upload(MemorySegment.ofArray(values));
      nccl.sum(stream, memory.address(), COUNT);
      require(stream, memory, 6);
      // Only the first half, which only rank 0 has in another form.
      stream.fill(memory.address(), (byte) ranks.rank(), COUNT * Float.BYTES);
      nccl.broadcast(stream, memory.address(), COUNT / 2);
      require(stream, memory, 0);
      nccl.barrier();
    }
  }

  private static void require(Stream stream, DeviceMemory memory, float first) {
    stream.synchronize();
    float[] values = new float[COUNT];
    memory.download(MemorySegment.ofArray(values));
    for (int i = 0; i < COUNT / 2; i++) {
      if (values[i] != first) {
        throw new AssertionError("value %d is %s, not %s".formatted(i, values[i], first));
      }
    }
  }
}
