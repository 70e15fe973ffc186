package dev.catena.conformance;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.catena.device.Device;
import dev.catena.engine.kernel.KernelEngine;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceLostException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs the conformance suite: {@code java -m dev.catena/dev.catena.conformance.Main --help}. Ends
 * with 0 if every case passed that an engine supports, 1 if one failed or no engine of our own
 * supports it, 2 if the command is wrong.
 */
public final class Main {
  private static final String HELP =
      """
      Checks every engine of a device against a reference in fp64.

        --device ID       host, cuda:N or ptx:N; may be repeated; without it host and cuda
        --engine NAME     this engine only; tiles: every tile of our kernels by its name
        --op NAME,...     operations whose name begins so: conv, scale-shift, max-pool, ...
        --problem "LINE"  this problem only, as the lists and failures have it
        --list            prints the problems and runs nothing
        --json FILE       writes each outcome as it comes; - is standard output, alone
        --help            this
      """;

  private final List<String> devices = new ArrayList<>();
  private final List<Outcome> outcomes = new ArrayList<>();
  private Suite suite = Suite.all();
  private String engine = "";
  private String json = "";
  private boolean listOnly;
  private boolean isLost;
  private PrintStream text = System.out;
  private JsonGenerator written;

  private Main() {}

  /** See {@code --help}. */
  public static void main(String[] args) {
    int status;
    try {
      status = new Main().run(List.of(args));
    } catch (IllegalArgumentException | DeviceException | IOException e) {
      System.err.println(e.getMessage());
      status = 2;
    }
    System.exit(status);
  }

  private int run(List<String> args) throws IOException {
    if (args.contains("--help")) {
      System.out.print(HELP);
      return 0;
    }
    read(args);
    if (listOnly) {
      suite.lines().forEach(System.out::println);
      return 0;
    }
    text = json.equals("-") ? System.err : System.out;
    try (OutputStream out = openJson();
        JsonGenerator generator = new JsonFactory().createGenerator(out, JsonEncoding.UTF8)) {
      written = generator;
      written.writeStartArray();
      for (String id : devices.isEmpty() ? Device.available() : devices) {
        run(id);
      }
    }
    summarise();
    boolean ran = outcomes.stream().anyMatch(o -> o.verdict() == Outcome.Verdict.PASSED);
    boolean failed = outcomes.stream().anyMatch(o -> o.verdict() == Outcome.Verdict.FAILED);
    if (!ran && !failed) {
      text.println(
          "Nothing ran"
              + outcomes.stream()
                  .findFirst()
                  .map(o -> ": " + o.engine() + " " + o.why())
                  .orElse("."));
    }
    return ran && !failed && !isLost ? 0 : 1;
  }

  /** All cases, or as many as the device survives. */
  private void run(String id) {
    List<String> tiles = KernelEngine.tiles();
    try (Device device = Device.open(id)) {
      text.println(device.describe());
      suite.run(
          device,
          name ->
              engine.isEmpty()
                  || name.equals(engine)
                  || engine.equals("tiles") && tiles.contains(name),
          this::tell);
    } catch (DeviceLostException lost) {
      text.println("STOPPED: " + lost.getMessage() + "; no case after the last one above ran");
      isLost = true;
    }
  }

  private void read(List<String> args) {
    for (int i = 0; i < args.size(); i++) {
      String option = args.get(i);
      if (option.equals("--list")) {
        listOnly = true;
        continue;
      }
      if (i + 1 == args.size()) {
        throw new IllegalArgumentException("unknown or incomplete: " + option + "; see --help");
      }
      String value = args.get(++i);
      switch (option) {
        case "--device" -> devices.add(value);
        case "--engine" -> engine = value;
        case "--op" -> suite = suite.of(value);
        case "--problem" -> suite = Suite.problem(value);
        case "--json" -> json = value;
        default -> throw new IllegalArgumentException("unknown: " + option + "; see --help");
      }
    }
  }

  private void tell(Outcome outcome) {
    outcomes.add(outcome);
    write(outcome);
    if (outcome.verdict() == Outcome.Verdict.FAILED) {
      text.println("FAILED " + outcome.engine() + ": " + outcome.line());
      text.println("  " + outcome.why());
      text.println("  " + outcome.command());
    }
  }

  private void summarise() {
    Map<String, Map<Outcome.Verdict, Integer>> counts = new TreeMap<>();
    for (Outcome o : outcomes) {
      counts
          .computeIfAbsent(o.device() + " " + o.engine(), _ -> new EnumMap<>(Outcome.Verdict.class))
          .merge(o.verdict(), 1, Integer::sum);
    }
    counts.forEach(
        (who, count) ->
            text.printf(
                "%-24s %5d passed %5d failed %5d unsupported%n",
                who,
                count.getOrDefault(Outcome.Verdict.PASSED, 0),
                count.getOrDefault(Outcome.Verdict.FAILED, 0),
                count.getOrDefault(Outcome.Verdict.UNSUPPORTED, 0)));
  }

  private OutputStream openJson() throws IOException {
    return switch (json) {
      case "" -> OutputStream.nullOutputStream();
      case "-" -> System.out;
      default -> Files.newOutputStream(Path.of(json));
    };
  }

  /** Flushed at once: what is known outlives a process that is stopped. */
  private void write(Outcome o) {
    try {
      written.writeStartObject();
      written.writeStringField("device", o.device());
      written.writeStringField("engine", o.engine());
      written.writeStringField("problem", o.line());
      written.writeStringField("verdict", o.verdict().name().toLowerCase(Locale.ROOT));
      written.writeStringField("why", o.why());
      written.writeEndObject();
      written.writeRaw('\n');
      written.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + json, e);
    }
  }
}
