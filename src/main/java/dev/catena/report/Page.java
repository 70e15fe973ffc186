package dev.catena.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * One page of HTML that needs nothing but itself: style, charts (Apache ECharts), data and the
 * script that draws them.
 */
public final class Page {
  private Page() {}

  /**
   * The report on memory and time.
   *
   * @param title of the window
   * @param json an object with {@code title}, {@code summary} (lines), {@code command}, {@code
   *     environment} (names and values), {@code result} (with {@code variants}, whose keys are rows
   *     of the table) and {@code schedules}: {@link Schedule#of}, and for each {@code name}, {@code
   *     resident_bytes} by owner and {@code layers} with {@code step, operation, engine, launches,
   *     ms}
   */
  public static String of(String title, String json) {
    return resource("report.html")
        .replace("${title}", title.replace("&", "&amp;").replace("<", "&lt;"))
        .replace("${style}", resource("report.css"))
        .replace("${charts}", resource("echarts.common.min.js"))
        .replace("${script}", resource("report.js"))
        // Last, so that nothing in it is taken for a place; a "<" would end the element.
        .replace("${data}", json.replace("<", "\\u003c"));
  }

  private static String resource(String name) {
    try (InputStream file = Page.class.getResourceAsStream(name)) {
      if (file == null) {
        throw new IllegalStateException(
            "this build has no dev/catena/report/" + name + "; mvn package puts it there");
      }
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
