package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import dev.catena.device.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a profiler hears of a profile, through a library that writes it down. */
@Timeout(240)
class NamedRangeTest {
  /** Stands for NVIDIA's, whose ranges only its own tools can show. */
  private static final String LISTENER =
      """
      #include <cstdio>
      static int depth;
      extern "C" int nvtxRangePushA(const char* name) { return printf("push %d %s\\n", depth, name), depth++; }
      extern "C" int nvtxRangePop() { return printf("pop %d\\n", --depth), fflush(stdout), depth; }
      """;

  @TempDir private Path folder;

  /** Profiles a network and names its steps. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      try (Device device = Device.open("host");
          Model model = Fixture.model();
          Session session = model.compile(device, Inference.batch(1));
          Arena arena = Arena.ofConfined()) {
        session.profile(Fixture.images(arena, 1), 2);
        session.engines().forEach(step -> System.out.println("step " + step));
      }
    }
  }

  @Test
  void eachStepIsARangeInTheProfiles() throws IOException, InterruptedException {
    List<String> said = run(listener().toString());
    List<String> steps = said.stream().filter(s -> s.startsWith("step ")).toList();
    List<String> round = new ArrayList<>(List.of("push 0 profile"));
    for (String step : steps) {
      round.addAll(List.of("push 1 " + step.substring("step ".length()), "pop 1"));
    }
    round.add("pop 0");
    assertFalse(steps.isEmpty());
    List<String> twice = new ArrayList<>(round);
    twice.addAll(round);
    assertEquals(twice, said.stream().filter(s -> s.startsWith("p")).toList());
  }

  @Test
  void withoutTheLibraryAProfileIsSilent() throws IOException, InterruptedException {
    List<String> said = run(folder.resolve("nothing").toString());
    assertEquals(List.of(), said.stream().filter(s -> !s.startsWith("step ")).toList());
    assertFalse(said.isEmpty());
  }

  private static List<String> run(String library) throws IOException, InterruptedException {
    ChildJvm.Result result =
        new ChildJvm("-Dcatena.nvtx.path=" + library).with(JsonFactory.class).run(Program.class);
    assertEquals(0, result.status(), result.said());
    return result.said().lines().toList();
  }

  private Path listener() throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve("listener.cpp"), LISTENER);
    Path library = folder.resolve("listener.so");
    // The build needs g++ too.
    Process compiler =
        new ProcessBuilder("g++", "-shared", "-fPIC", "-o", "" + library, "" + source).start();
    assertEquals(0, compiler.waitFor());
    return library;
  }
}
