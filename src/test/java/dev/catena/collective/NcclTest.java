package dev.catena.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.ChildJvm;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The calls of NCCL that each rank makes, as a library that stands for it records them. */
@Timeout(120)
class NcclTest {
  private static final Path FOLDER = Path.of("target/native/standin").toAbsolutePath();
  private static final Path LIBRARY = FOLDER.resolve("libnccl.so.2");

  @Test
  void eachRankCallsInItsStream() throws Exception {
    String[] command = {
      "make", "--silent", "-C", "native/standin", "OUT=" + FOLDER, LIBRARY.toString()
    };
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
    ChildJvm.Result result =
        new ChildJvm("-Dcatena.nccl.path=" + LIBRARY).behind("timeout", "60").run(NcclMain.class);
    assertEquals(0, result.status(), result.said());
    assertTrue(result.said().contains("summed"), result.said());
    assertEquals(1, count(result, "ncclGetUniqueId"));
    for (int rank = 0; rank < 3; rank++) {
      String stream = find(result, "stream of rank " + rank + ": (0x[0-9a-f]+)");
      List<String> calls =
          List.of(
              "ncclCommInitRank size=3 rank=%d".formatted(rank),
              "ncclAllReduce rank=%d count=1000 type=7 op=0 stream=%s".formatted(rank, stream),
              "ncclBroadcast rank=%d count=500 type=7 root=0 stream=%s".formatted(rank, stream),
              "ncclCommDestroy rank=%d".formatted(rank));
      int at = 0;
      for (String call : calls) {
        assertEquals(1, count(result, call), () -> call + " in " + result.said());
        assertTrue(result.said().indexOf(call) > at, () -> call + " in " + result.said());
        at = result.said().indexOf(call);
      }
    }
    assertEquals(0, count(result, "ncclCommAbort"));
  }

  private static long count(ChildJvm.Result result, String call) {
    return result.said().lines().filter(line -> line.equals("nccl " + call)).count();
  }

  private static String find(ChildJvm.Result result, String pattern) {
    return Pattern.compile(pattern)
        .matcher(result.said())
        .results()
        .map((MatchResult r) -> r.group(1))
        .findFirst()
        .orElseThrow(() -> new AssertionError(result.said()));
  }
}
