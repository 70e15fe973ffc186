package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.conformance.Outcome;
import dev.catena.conformance.Suite;
import dev.catena.error.DeviceException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Errors planted in the PTX of two kernels, one at a time: the judge finds each, or the result is
 * wrong, or the launch faults.
 */
class PlantedErrorTest {
  /** A kernel with cases that run all of it, and the engine that runs them on it. */
  private enum Planted {
    POINTWISE(
        "conv1x1",
        "conv1x1_64x64_f16",
        "conv1x1_64x64",
        "conv 1x9x11x200 k=60 prologue=scale_shift_relu bias relu dtype=f16 data=exact",
        "conv 1x9x11x200 k=60 residual dtype=f16 data=exact",
        "conv 1x9x11x24 k=60 prologue=scale_shift_relu dtype=f16 data=exact",
        "conv 1x9x11x24 k=60 dtype=f16 data=exact",
        "conv-statistics 2x11x9x72 k=136 dtype=f16 data=exact"),
    SPATIAL(
        "conv3x3",
        "conv3x3_64x32_f16",
        "conv3x3_64x32",
        "conv 1x7x9x72 k=40 kernel=3x3 pad=1x1 prologue=scale_shift_relu bias relu dtype=f16 data=exact",
        "conv 1x7x9x72 k=40 kernel=3x3 pad=1x1 residual dtype=f16 data=exact",
        "conv-statistics 1x20x23x24 k=64 kernel=3x3 pad=1x1 dtype=f16 data=exact");

    final String file;
    final String kernel;
    final String engine;
    final List<String> lines;

    Planted(String file, String kernel, String engine, String... lines) {
      this.file = file;
      this.kernel = kernel;
      this.engine = engine;
      this.lines = List.of(lines);
    }

    KernelImages.Image image() {
      return KernelImages.cuda(90).find(file, "ptx:90");
    }

    /** The image with an edit of this kernel alone. */
    KernelImages.Image edited(UnaryOperator<String> edit) {
      String text = new String(image().bytes(), StandardCharsets.ISO_8859_1);
      int begin = text.indexOf(".entry " + kernel + "(");
      int end = text.indexOf("\n}\n", begin);
      String body = edit.apply(text.substring(begin, end));
      byte[] bytes =
          (text.substring(0, begin) + body + text.substring(end))
              .getBytes(StandardCharsets.ISO_8859_1);
      return new KernelImages.Image(image().resource(), bytes);
    }
  }

  private static final Pattern BARRIER = Pattern.compile("bar\\.sync\\s+\\d+;");
  private static final Pattern WAIT = Pattern.compile("cp\\.async\\.wait_group \\d+;");
  private static final Pattern LOAD_MATRIX = Pattern.compile("(ldmatrix[^\\[]*\\[%r\\d+)\\]");
  private static final Pattern LEFT_FRAGMENT =
      Pattern.compile("(mma\\.sync\\S+\\s+\\{[^}]*\\}, \\{%r\\d+),(%r\\d+),(%r\\d+),");

  @TestFactory
  Stream<DynamicTest> nothingIsSeenInTheKernelsAsTheyAre() {
    return Stream.of(Planted.values())
        .map(
            planted ->
                DynamicTest.dynamicTest(
                    planted.kernel, () -> assertEquals(List.of(), seen(planted, planted.image()))));
  }

  @TestFactory
  Stream<DynamicTest> eachIsSeen() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Planted planted : Planted.values()) {
      addEach(tests, planted, "barrier", BARRIER, "");
      addEach(tests, planted, "wait", WAIT, "");
      addEach(tests, planted, "swapped fragment of mma", LEFT_FRAGMENT, "$1,$3,$2,");
      addEach(tests, planted, "shifted ldmatrix", LOAD_MATRIX, "$1+16]");
    }
    return tests.stream();
  }

  /** Who forgets a barrier is told the lines of his source that race. */
  @TestFactory
  Stream<DynamicTest> aMissingBarrierNamesTheSourceLine() {
    return Stream.of(Planted.values())
        .map(
            planted ->
                DynamicTest.dynamicTest(
                    planted.kernel,
                    () -> {
                      KernelImages.Image image = planted.edited(b -> replaceNth(b, BARRIER, 0, ""));
                      List<String> seen = seen(planted, image);
                      String line =
                          "kernels/\\w+\\.cuh?:\\d+, from kernels/" + planted.file + "\\.cu:\\d+";
                      assertTrue(
                          seen.stream().anyMatch(s -> s.matches("(?s).*" + line + ".*")),
                          seen.toString());
                    }));
  }

  /** Barriers and waits are all taken out in turn; of the others the first stands for all. */
  private static void addEach(
      List<DynamicTest> tests, Planted planted, String what, Pattern place, String instead) {
    String text =
        new String(planted.edited(UnaryOperator.identity()).bytes(), StandardCharsets.ISO_8859_1);
    int begin = text.indexOf(".entry " + planted.kernel + "(");
    String body = text.substring(begin, text.indexOf("\n}\n", begin));
    int count = instead.isEmpty() ? (int) place.matcher(body).results().count() : 1;
    assertTrue(count > 0 && place.matcher(body).find(), planted.kernel + " has no " + what);
    for (int i = 0; i < count; i++) {
      int n = i;
      tests.add(
          DynamicTest.dynamicTest(
              planted.kernel + ": " + what + " " + n,
              () ->
                  assertTrue(
                      !seen(planted, planted.edited(b -> replaceNth(b, place, n, instead)))
                          .isEmpty(),
                      "not seen")));
    }
  }

  private static String replaceNth(String body, Pattern place, int n, String instead) {
    Matcher matcher = place.matcher(body);
    MatchResult found = matcher.results().skip(n).findFirst().orElseThrow();
    return body.substring(0, found.start())
        + place.matcher(found.group()).replaceFirst(instead)
        + body.substring(found.end());
  }

  /** What goes wrong with the image in place of the kernel file's own. */
  private static List<String> seen(Planted planted, KernelImages.Image image) {
    List<String> seen = new ArrayList<>();
    try (Device device = Device.open("ptx:90")) {
      try {
        device.replace(planted.file, image);
        for (String line : planted.lines) {
          Suite.problem(line).run(device, planted.engine::equals, o -> note(o, seen));
        }
      } catch (DeviceException fault) {
        seen.add(fault.getMessage());
      } finally {
        HostDevice.of(device).clearFaults();
        PtxDevice.of(device).takeFindings();
      }
    }
    return seen;
  }

  private static void note(Outcome outcome, List<String> seen) {
    if (outcome.verdict() != Outcome.Verdict.PASSED) {
      seen.add(outcome.why());
    }
  }
}
