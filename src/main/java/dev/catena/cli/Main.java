package dev.catena.cli;

import dev.catena.Policy;
import dev.catena.Schedule;
import dev.catena.Variant;
import dev.catena.device.PtxDevice;
import dev.catena.graph.DType;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code catena}. */
@Command(
    name = "catena",
    description = "Convolutional networks with fused kernels and planned memory.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      Compare.class,
      Bench.class,
      Plan.class,
      Run.class,
      Train.class,
      Export.class,
      ListModels.class,
      Info.class,
    },
    footer = {
      "",
      "Exit codes: 0 done; 1 variants disagree, a time has grown, or a kernel is faulty; 2 bad input or nothing to run on; 3 a fault of Catena."
    })
public final class Main implements Callable<Integer> {
  private static final int FINDINGS = 1;
  static final int BAD_INPUT = 2;
  private static final int FAULT = 3;

  @Spec private CommandSpec spec;

  @Option(
      names = {"-v", "--verbose"},
      scope = ScopeType.INHERIT,
      description = "Say more: the choice of the device, each step's engine.")
  private boolean verbose;

  private Main() {}

  /** Runs the command line and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    Main main = new Main();
    return new CommandLine(main)
        .registerConverter(DType.class, Choices::dtype)
        .registerConverter(Policy.class, Choices::policy)
        .registerConverter(Variant.class, Choices::variant)
        .registerConverter(Schedule.class, Choices::schedule)
        .registerConverter(OutputFile.class, OutputFile::of)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler((e, _) -> explain(e))
        .setExecutionExceptionHandler((e, command, _) -> explain(e, command.getErr()))
        .setExecutionStrategy(main::execute);
  }

  /** True if the user wants to know more. */
  boolean verbose() {
    return verbose;
  }

  /** Without a command: says which there are. */
  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return BAD_INPUT;
  }

  /** An error of the virtual machine is explained like any other; picocli lets it through. */
  private int execute(ParseResult parsed) {
    Logs.show(verbose);
    try {
      int status = new RunLast().execute(parsed);
      List<String> findings = PtxDevice.takeAllFindings();
      findings.forEach(f -> spec.commandLine().getErr().println("catena: faulty kernel: " + f));
      return findings.isEmpty() ? status : Math.max(status, FINDINGS);
    } catch (Error e) {
      return explain(e, spec.commandLine().getErr());
    }
  }

  /** Explains an error of the user in one sentence, and any other, a bug of ours, by its trace. */
  private static int explain(Throwable e, PrintWriter err) {
    Optional<String> sentence = Explanation.of(e);
    if (sentence.isPresent()) {
      err.println("catena: " + sentence.get());
      return BAD_INPUT;
    }
    err.println("catena: this is a fault of Catena; please report it with what follows");
    e.printStackTrace(err);
    return FAULT;
  }

  private static int explain(ParameterException e) {
    CommandLine command = e.getCommandLine();
    List<String> near =
        e instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
    command
        .getErr()
        .printf(
            "catena: %s; %ssee `%s --help`%n",
            e.getMessage(),
            near.isEmpty() ? "" : "there is " + String.join(", ", near) + "; ",
            command.getCommandSpec().qualifiedName());
    return BAD_INPUT;
  }

  /** The version of the module, and of the Java that runs it. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version =
          Optional.ofNullable(Main.class.getModule().getDescriptor())
              .flatMap(java.lang.module.ModuleDescriptor::rawVersion)
              .orElse("of unknown version");
      return new String[] {"catena " + version + ", Java " + Runtime.version()};
    }
  }
}
