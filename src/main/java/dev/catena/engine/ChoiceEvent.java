package dev.catena.engine;

import java.util.Map;
import java.util.Optional;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The engine that the tuner measured as the fastest for a problem. */
@Name("dev.catena.TunerChoice")
@Label("Tuner Choice")
@Category("Catena")
@Description("Engines were measured, and one was chosen")
@StackTrace(false)
final class ChoiceEvent extends Event {
  @Label("Problem")
  String problem;

  @Label("Engine")
  String engine;

  @Label("Times")
  String times;

  /** Ends a measurement; without a choice where no engine could be measured. */
  void commit(Problem asked, Optional<TuningCache.Choice> chosen, Map<String, Timing> measured) {
    end();
    if (shouldCommit()) {
      problem = asked.toString();
      engine = chosen.map(TuningCache.Choice::engine).orElse(null);
      times = measured.toString();
      commit();
    }
  }
}
