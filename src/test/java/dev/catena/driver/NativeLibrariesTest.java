package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.driver.NativeLibrary.Found;
import dev.catena.driver.NativeLibrary.Missing;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

@ResourceLock(Resources.SYSTEM_PROPERTIES)
class NativeLibrariesTest {
  private static final String CUDNN = NativeLibrary.CUDNN.property();

  @TempDir Path folder;

  @AfterEach
  void forgetSetting() {
    System.clearProperty(CUDNN);
  }

  @Test
  void findsTheHostDriverInItsOwnResources() {
    Found found = assertInstanceOf(Found.class, NativeLibraries.find(NativeLibrary.CUHOST));
    assertEquals("the bundle", found.origin());
    assertEquals("libcuhost.so", found.path().getFileName().toString());
    assertTrue(found.version().matches("\\d+\\.\\d+"), found.version());
    assertSame(found, NativeLibraries.find(NativeLibrary.CUHOST), "looked for twice");
  }

  @Test
  void findsOneDnnInTheJarThatNoModuleRequires() {
    Found found = assertInstanceOf(Found.class, NativeLibraries.find(NativeLibrary.ONEDNN));
    assertEquals("the bundle", found.origin());
    assertTrue(found.version().startsWith("3."), found.version());
    assertTrue(found.symbols().find("dnnl_engine_create").isPresent());
  }

  @Test
  void anExplicitSettingIsTheOnlyPlaceThatIsTried() {
    Path path = folder.resolve("libnothing.so");
    System.setProperty(CUDNN, path.toString());
    Missing missing = assertInstanceOf(Missing.class, NativeLibraries.search(NativeLibrary.CUDNN));
    assertEquals(
        "libcudnn.so.9 was not found (-Dcatena.cudnn.path=%1$s: %1$s: cannot open shared object"
                .formatted(path)
            + " file: No such file or directory); to have it, install cuDNN 9, or set CATENA_CUDNN"
            + " to its folder",
        missing.explain());
  }

  @Test
  void aSettingMayNameTheFolder() {
    System.setProperty(CUDNN, folder.toString());
    assertEquals(
        "-Dcatena.cudnn.path=%1$s: no such file in %1$s".formatted(folder),
        NativeLibraries.search(NativeLibrary.CUDNN).attempts().getFirst().toString());
  }

  @Test
  void aFileThatIsNoLibraryIsRefusedWithTheLoadersReason() throws Exception {
    Path path = Files.writeString(folder.resolve("libcudnn.so.9"), "not a library");
    System.setProperty(CUDNN, path.toString());
    String why = NativeLibraries.search(NativeLibrary.CUDNN).attempts().getFirst().why();
    assertTrue(why.matches(".*libcudnn.so.9: (file too short|invalid ELF header)"), why);
  }

  @Test
  void anotherLibraryUnderTheNameIsRefused() {
    Found host = assertInstanceOf(Found.class, NativeLibraries.find(NativeLibrary.CUHOST));
    System.setProperty(CUDNN, host.path().toString());
    Missing missing = assertInstanceOf(Missing.class, NativeLibraries.search(NativeLibrary.CUDNN));
    assertEquals("has no function cudnnGetVersion", missing.attempts().getFirst().why());
  }

  @Test
  void everyPlaceThatWasTriedIsNamed() {
    if (NativeLibraries.search(NativeLibrary.CUDNN) instanceof Missing missing) {
      String text = missing.explain();
      assertTrue(text.contains("the loader's path: libcudnn.so.9: cannot open"), text);
      assertTrue(text.contains("the CUDA toolkit: "), text);
      assertTrue(text.contains("Python's nvidia packages: "), text);
    }
  }
}
