package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

@Tag("slow")
class LostDeviceTest {
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int LAUNCH_OUT_OF_RESOURCES = 701;

  private Device device;
  private HostDevice host;
  private Stream stream;
  private Launch launch;

  @BeforeEach
  void open() {
    device = Device.open("host");
    host = HostDevice.of(device);
    stream = device.newStream();
    launch =
        Probe.load(device).kernel("sleep_ms").prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
  }

  @AfterEach
  void close() {
    host.clearFaults();
    device.close();
  }

  @Test
  void aStickyErrorLosesTheDeviceByName() {
    DeviceMemory memory = device.allocate(4);
    Event event = device.newEvent();
    host.injectFault("sleep_ms", 1, ILLEGAL_ADDRESS, true);
    launch.enqueue(stream);
    stream.synchronize();
    CudaException first = assertThrows(CudaException.class, this::launchAndWait);
    assertEquals(ILLEGAL_ADDRESS, first.code());
    assertEquals("CUDA_ERROR_ILLEGAL_ADDRESS", first.name());
    assertTrue(first.sticky());
    assertTrue(
        first
            .getMessage()
            .startsWith(
                first.function() + " failed with CUDA_ERROR_ILLEGAL_ADDRESS (700) on host: "),
        first.getMessage());
    lost(
        first,
        stream::synchronize,
        stream::isIdle,
        () -> launch.enqueue(stream),
        () -> stream.fill(0, (byte) 0, 1),
        () -> stream.capture(() -> {}),
        event::isDone,
        event::synchronize,
        () -> memory.upload(MemorySegment.ofArray(new byte[4])),
        () -> device.allocate(1),
        () -> device.newStream(),
        device::usedMemory,
        () -> Probe.load(device));
    event.close();
    memory.close();
    device.close();
  }

  @Test
  void aNewDeviceIsSoundOnceTheFaultIsCleared() {
    host.injectFault(null, 0, ILLEGAL_ADDRESS, true);
    assertThrows(CudaException.class, this::launchAndWait);
    device.close();
    host.clearFaults();
    open();
    launchAndWait();
  }

  @Test
  void anOrdinaryErrorLosesNothing() {
    host.injectFault("sleep_ms", 0, LAUNCH_OUT_OF_RESOURCES, false);
    CudaException e = assertThrows(CudaException.class, this::launchAndWait);
    assertEquals("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", e.name());
    assertFalse(e.sticky());
    launchAndWait();
  }

  @Test
  void aFailureThatNobodyWaitedForIsThrownByCloseOnce() {
    long used = device.usedMemory();
    DeviceMemory memory = device.allocate(1 << 20);
    host.injectFault("sleep_ms", 0, ILLEGAL_ADDRESS, true);
    launch.enqueue(stream);
    CudaException e = assertThrows(CudaException.class, stream::close);
    assertEquals(ILLEGAL_ADDRESS, e.code());
    stream.close();
    memory.close();
    device.close();
    host.clearFaults();
    open();
    assertEquals(used, device.usedMemory(), "a lost device keeps its memory");
  }

  @Test
  void faultsReachReplayedGraphs() {
    ExecutableGraph graph = stream.capture(() -> launch.enqueue(stream));
    host.injectFault("sleep_ms", 0, ILLEGAL_ADDRESS, true);
    assertThrows(
        CudaException.class,
        () -> {
          graph.launch(stream);
          stream.synchronize();
        });
    assertThrows(DeviceLostException.class, () -> graph.launch(stream));
  }

  private void launchAndWait() {
    launch.enqueue(stream);
    stream.synchronize();
  }

  private static void lost(CudaException first, Executable... uses) {
    for (Executable use : uses) {
      DeviceLostException e = assertThrows(DeviceLostException.class, use);
      assertSame(first, e.first());
      assertEquals("device host is lost since " + first.getMessage(), e.getMessage());
    }
  }
}
