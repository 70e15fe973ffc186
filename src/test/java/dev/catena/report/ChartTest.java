package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.report.Chart.Axis;
import dev.catena.report.Chart.Screen;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class ChartTest {
  private static List<String> labels(Axis axis) {
    return axis.ticks().stream().map(Chart.Tick::label).toList();
  }

  @Test
  void ticksAreRoundNumbers() {
    assertEquals(List.of("0", "20", "40", "60", "80", "100"), labels(Axis.upTo("", 94, 5)));
    assertEquals(List.of("0.0", "0.2", "0.4", "0.6"), labels(Axis.upTo("", 0.5, 5)));
    assertEquals(List.of("0", "500", "1,000", "1,500"), labels(Axis.upTo("", 1200, 5)));
    assertEquals(List.of("0"), labels(Axis.steps("", 1, 14)));
    assertEquals(List.of("0", "1", "2"), labels(Axis.steps("", 3, 14)));
    assertTrue(Axis.upTo("", 100, 5).to() > 100, "the largest value stays below the edge");
    assertTrue(labels(Axis.upTo("", 0, 5)).size() < 10);
  }

  /** Up to 1, two steps right, up to 2, two steps right, down and back along 0. */
  @Test
  void areasFollowTheirLevels() throws Exception {
    Chart chart = chart("plain", Map.of("a", "#123456"));
    chart.area("a", new double[] {0, 0, 0, 0}, new double[] {1, 1, 2, 2});
    Element path = (Element) FiguresTest.parse(chart.svg("")).getElementsByTagName("path").item(0);
    assertEquals("#123456", path.getAttribute("fill"));
    Matcher corners =
        Pattern.compile("M62 332H62V([\\d.]+)H203V([\\d.]+)H344H344V332Z")
            .matcher(path.getAttribute("d"));
    assertTrue(corners.matches(), path.getAttribute("d"));
    double one = 332 - Double.parseDouble(corners.group(1));
    assertEquals(2 * one, 332 - Double.parseDouble(corners.group(2)), 1);
  }

  @Test
  void namesAreEscaped() throws Exception {
    Chart chart = chart("<&>", Map.of("a<b>&\"c\"", "#000"));
    chart.box("a<b>&\"c\"", 0, 1, 0, 1, "", "<tip>");
    var svg = FiguresTest.parse(chart.svg(""));
    assertEquals("<&>", svg.getDocumentElement().getAttribute("aria-label"));
    assertEquals("<tip>", svg.getElementsByTagName("title").item(0).getTextContent());
  }

  @Test
  void longTitlesAndLegendsHaveSeveralLines() throws Exception {
    double one = bottomOfHeading(chart("short", Map.of("a", "#000")));
    double two =
        bottomOfHeading(chart("a title of more words than fit in a line", Map.of("a", "#000")));
    String wide = "a series whose name is as wide as the chart is";
    double three = bottomOfHeading(chart("short", Map.of("a", "#000", wide, "#111")));
    assertEquals(one + 20, two);
    assertEquals(one + 20, three);
  }

  private static Chart chart(String title, Map<String, String> colors) {
    return new Chart(
        title, Screen.NARROW, new Axis("x", 0, 4, List.of()), Axis.upTo("y", 1.9, 2), null, colors);
  }

  /** Where the topmost line of the grid is. */
  private static double bottomOfHeading(Chart chart) throws Exception {
    var lines = FiguresTest.parse(chart.svg("")).getElementsByTagName("line");
    double least = Double.MAX_VALUE;
    for (int i = 0; i < lines.getLength(); i++) {
      least = Math.min(least, Double.parseDouble(((Element) lines.item(i)).getAttribute("y1")));
    }
    return least;
  }
}
