package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.DeviceException;
import dev.catena.error.KernelMismatchException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class ParameterLayoutTest {
  private static final String LINE =
      "scale 40 y.data:address:0 y.row_pitch:int:8 count:long:16 factor:float:24 bias:double:32";

  private record View(long data, int rowPitch) {}

  private record Scale(View y, long count, float factor, double bias) {}

  private record Renamed(View y, long number, float factor, double bias) {}

  private record Retyped(View y, long count, int factor, double bias) {}

  private record Short(View y, long count, float factor) {}

  private record Long(View y, long count, float factor, double bias, int more) {}

  private record Boxed(View y, long count, Object factor, double bias) {}

  private static ParameterLayout layout() {
    return ParameterLayout.parse(LINE + "\n", "test").get("scale");
  }

  @Test
  void everyTypeGoesWhereTheStructHasIt() {
    byte[] bytes = new byte[40];
    layout()
        .write(
            Arguments.of(new Scale(new View(1L << 40, -8), 1L << 33, 0.5f, Math.PI)),
            MemorySegment.ofArray(bytes));
    ByteBuffer struct = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    assertEquals(1L << 40, struct.getLong(0));
    assertEquals(-8, struct.getInt(8));
    assertEquals(1L << 33, struct.getLong(16));
    assertEquals(0.5f, struct.getFloat(24));
    assertEquals(Math.PI, struct.getDouble(32));
  }

  @Test
  void aRecordOfOtherFieldsIsRefused() {
    View y = new View(0, 8);
    refused(new Renamed(y, 1, 2, 3), "takes long count as field 2", "has nothing");
    refused(new Retyped(y, 1, 2, 3), "takes float factor as field 3", "has int factor");
    refused(new Short(y, 1, 2), "takes double bias as field 4", "has nothing");
    refused(new Long(y, 1, 2, 3, 4), "takes nothing as field 5", "has int more");
    refused(new Boxed(y, 1, "2", 3), "takes float factor as field 3", "has String factor");
    refused(new Boxed(y, 1, null, 3), "takes float factor as field 3", "has nothing");
  }

  private static void refused(Record parameters, String expected, String given) {
    var e =
        assertThrows(
            KernelMismatchException.class,
            () -> layout().write(Arguments.of(parameters), MemorySegment.ofArray(new byte[64])));
    String message = e.getMessage();
    assertTrue(message.startsWith("kernel scale " + expected), message);
    assertTrue(message.contains(parameters.getClass().getSimpleName() + " " + given), message);
  }

  @Test
  void aLineOfAnotherFormIsNamed() {
    for (String line : new String[] {"scale", "scale forty", "scale 8 y:int", "scale 8 y:int:x"}) {
      var e = assertThrows(DeviceException.class, () -> ParameterLayout.parse(line, "file"));
      assertEquals("file has a line that is no layout: " + line, e.getMessage());
    }
  }

  @Test
  void theBuildWroteEveryKernelDown() {
    var clip = ParameterLayout.builtIn().get("clip_f32");
    assertEquals(new ParameterLayout.Field("y.data", "address", 0), clip.fields().getFirst());
    assertEquals("x.pitch", clip.fields().get(3).name());
  }
}
