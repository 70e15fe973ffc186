package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The tests of the native part, which are written in C++: {@code make -C native test}. */
@Tag("slow")
class NativeSuiteTest {
  @Test
  void passes() throws Exception {
    String out = "OUT=" + Path.of("target/classes/dev/catena").toAbsolutePath();
    Process make =
        new ProcessBuilder("make", "--silent", "-C", "native", "test", out)
            .redirectErrorStream(true)
            .start();
    make.getOutputStream().close();
    String said = new String(make.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, make.waitFor(), said);
    assertTrue(said.contains(" tests, 0 failed checks"), said);
  }
}
