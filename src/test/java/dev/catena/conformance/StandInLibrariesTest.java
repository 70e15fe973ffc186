package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The engines of cuDNN and cuBLASLt on the interpreter. Stand-ins compute what the engines describe
 * to these libraries.
 */
@Tag("slow")
class StandInLibrariesTest {
  private static final Path FOLDER = Path.of("target/native/standin").toAbsolutePath();

  @BeforeAll
  static void build() throws Exception {
    Process make =
        new ProcessBuilder("make", "--silent", "-C", "native/standin", "OUT=" + FOLDER)
            .inheritIO()
            .start();
    assertEquals(0, make.waitFor());
  }

  @ParameterizedTest
  @CsvSource({"cudnn, 200", "cudnn-steps, 30", "cublaslt, 60"})
  void everyCasePasses(String engine, int least) throws Exception {
    ChildJvm.Result result =
        new ChildJvm("-Dcatena.cudnn.path=" + FOLDER, "-Dcatena.cublaslt.path=" + FOLDER)
            .with(JsonFactory.class)
            .run(Main.class, "--device", "ptx:90", "--engine", engine);
    assertEquals(0, result.status(), result.said());
    Matcher total =
        Pattern.compile("ptx:90 " + engine + " +(\\d+) passed +0 failed").matcher(result.said());
    assertTrue(total.find(), result.said());
    assertTrue(Integer.parseInt(total.group(1)) >= least, result.said());
  }
}
