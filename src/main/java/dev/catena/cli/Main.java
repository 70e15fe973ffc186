package dev.catena.cli;

import dev.catena.UnknownModelException;
import dev.catena.device.DeviceException;
import dev.catena.graph.GraphException;
import dev.catena.io.FormatException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code catena}. */
@Command(
    name = "catena",
    description = "Convolutional networks with fused kernels and planned memory.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      Compare.class,
      Plan.class,
      Run.class,
      ListModels.class,
      Info.class,
    },
    footer = {
      "",
      "Exit codes: 0 done; 1 variants disagree; 2 bad input or nothing to run on; 3 a fault of Catena."
    })
public final class Main implements Runnable {
  private static final int BAD_INPUT = 2;
  private static final int FAULT = 3;

  @Spec private CommandSpec spec;

  private Main() {}

  /** Runs the command line and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setExecutionExceptionHandler(Main::explain);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command.");
  }

  /** What the user can mend is one sentence; anything else is a fault of ours, with its trace. */
  private static int explain(Exception e, CommandLine command, CommandLine.ParseResult parsed) {
    String sentence =
        switch (e) {
          case UnknownModelException _, DeviceException _, GraphException _, FormatException _ ->
              e.getMessage();
          case UserException _ -> e.getMessage();
          case NoSuchFileException missing -> missing.getFile() + ": no such file";
          case IOException _ -> e.getMessage() == null ? e.toString() : e.getMessage();
          default -> null;
        };
    if (sentence == null) {
      e.printStackTrace(command.getErr());
      return FAULT;
    }
    command.getErr().println("catena: " + sentence);
    return BAD_INPUT;
  }

  /** The version of the module, and of the Java that runs it. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version =
          Main.class.getModule().getDescriptor().rawVersion().orElse("of unknown version");
      return new String[] {"catena " + version + ", Java " + Runtime.version()};
    }
  }
}
