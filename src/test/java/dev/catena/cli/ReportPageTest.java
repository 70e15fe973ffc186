package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.report.Page;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages of {@code --report}, as text and in a browser. */
@Timeout(240)
@Tag("slow")
class ReportPageTest {

  /** A page of {@code compare --train}, to be looked at in place of a small network's. */
  private static final String GIVEN = System.getProperty("catena.report");

  @TempDir private static Path folder;
  private static Path page;
  private static Path training;
  private static Map<?, ?> result;
  private static Browser browser;

  @BeforeAll
  static void compare() throws Exception {
    page = folder.resolve("a page.html");
    List<String> words = new ArrayList<>(List.of("compare", Cli.MODEL, "--device", "host"));
    words.addAll(List.of("--no-tune", "--batch", "2", "--rounds", "2", "--json", "-"));
    words.addAll(List.of("--report", page.toString()));
    Cli.Result compared = Cli.run(words.toArray(String[]::new));
    assertEquals(0, compared.code(), compared.err());
    result = compared.json();
    training = GIVEN == null ? folder.resolve("training.html") : Path.of(GIVEN);
    if (GIVEN == null) {
      String train = "compare " + Cli.MODEL + " --train --device host --no-tune --batch 2";
      train += " --rounds 1 --report " + training;
      assertEquals(0, Cli.run(train.split(" ")).code());
    }
    browser = Browser.open().orElse(null);
  }

  @AfterAll
  static void closeBrowser() throws Exception {
    if (browser != null) {
      browser.close();
    }
  }

  @Test
  void theDataIsTheResult() throws Exception {
    assertEquals(result, data(page));
    String html = Files.readString(page);
    assertTrue(
        html.contains(
            "<code id=\"command\">./catena compare %s --device host --no-tune --batch 2 --rounds 2 --json - --report '%s'</code>"
                .formatted(Cli.MODEL, page)));
    assertEquals(2, html.lines().filter(line -> line.matches("<p>.* against unfused: .*")).count());
    assertTrue(html.contains(">host: "), "the device that it ran on");
  }

  private record Result(String name, List<Integer> variants) {}

  @Test
  void aNameCannotEndTheDataOrTheTitle() throws Exception {
    Result named = new Result("</script>", List.of());
    String html = Page.of("<&>", List.of(), "", Map.of(), named, List.of());
    assertTrue(html.contains("<title>&lt;&amp;&gt;</title>"));
    assertTrue(html.contains("\"\\u003c/script>\""));
  }

  @ParameterizedTest
  @CsvSource({
    "false, 1280, light",
    "false, 1280, dark",
    "false, 390, light",
    "false, 390, dark",
    "true, 1280, light",
    "true, 390, dark"
  })
  void showsEveryChartOnEveryScreen(boolean train, int width, String scheme) throws Exception {
    Path shown = train ? training : page;
    int variants = variants(shown).size();
    show(shown, width, scheme);
    Map<?, ?> seen = (Map<?, ?>) browser.evaluate(LOOK);
    assertTrue(number(seen, "width") <= width, "the page is as wide as " + seen.get("width"));
    List<?> figures = (List<?>) seen.get("figures");
    assertEquals(3 + 2 * variants, figures.size());
    List<String> titles = new ArrayList<>();
    for (Object each : figures) {
      Map<?, ?> figure = (Map<?, ?>) each;
      List<?> texts = (List<?>) figure.get("texts");
      titles.add(figure.get("title").toString());
      assertTrue(
          titles.getLast().startsWith(texts.getFirst().toString()), "another title: " + texts);
      assertTrue(number(figure, "width") <= width - 32, figure.toString());
      assertTrue(
          Set.of("memory, MiB", "device time, ms", "launches").stream().anyMatch(texts::contains),
          "no unit at the axis: " + texts);
      assertTrue(
          Set.of("variant", "step", "layer, in order").stream().anyMatch(texts::contains),
          "no name at the axis: " + texts);
      double contrast = ((Number) figure.get("contrast")).doubleValue();
      assertTrue(contrast >= 4.5, contrast + " is too little contrast: " + figure);
      double size = ((Number) figure.get("size")).doubleValue();
      assertTrue(size >= 9, size + " pixels are too small a text: " + figure);
      assertEquals(List.of(), figure.get("outside"), "texts beyond the chart");
    }
    assertTrue(titles.getFirst().startsWith("Device memory at the peak"), titles.toString());
    assertTrue(titles.contains("Memory over the schedule: fused"), titles.toString());
    assertTrue(titles.contains("Time per layer: in-place"), titles.toString());
    List<?> cells = (List<?>) seen.get("cells");
    assertTrue(cells.size() >= 20 * variants, cells.toString());
    for (Object cell : cells) {
      assertTrue(number((Map<?, ?>) cell, "right") <= width, "all figures are seen: " + cell);
    }
    assertEquals(List.of(), browser.console());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theBuffersOfThePeakAddUpToThePlan(boolean train) throws Exception {
    Path shown = train ? training : page;
    List<?> variants = variants(shown);
    show(shown, 1280, "light");
    List<?> peaks =
        (List<?>)
            browser.evaluate(
                """
                const bytes = (td) => Number(td.title.replaceAll(',', '').replace(' bytes', ''));
                return [...document.querySelectorAll('.peak')].map((p) => [...p.querySelectorAll('td[title]')].map(bytes))
                """);
    assertEquals(variants.size(), peaks.size());
    for (int i = 0; i < peaks.size(); i++) {
      List<Long> bytes =
          ((List<?>) peaks.get(i)).stream().map(b -> ((Number) b).longValue()).toList();
      long planned = number((Map<?, ?>) variants.get(i), "planned_bytes");
      assertEquals(planned, bytes.getLast());
      assertEquals(2 * planned, bytes.stream().mapToLong(b -> b).sum());
    }
  }

  @Test
  void givesTheChartsOfATrainingPlanAsFiles() throws Exception {
    Path plan = folder.resolve("plan.html");
    assertEquals(0, Cli.run("plan", Cli.MODEL, "--train", "--report", plan.toString()).code());
    Path figures = folder.resolve("figures");
    Process script =
        new ProcessBuilder("bench/figures.sh", plan.toString(), figures.toString()).start();
    String said = new String(script.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, script.waitFor(), said);
    List<String> names =
        List.of("peak", "unfused", "in-place", "fused", "recompute").stream()
            .map(name -> figures.resolve("memory-" + name + ".svg").toString())
            .toList();
    assertEquals(names, said.lines().toList());
    for (String name : names) {
      String svg = Files.readString(Path.of(name));
      var drawn =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
      assertEquals("svg", drawn.getDocumentElement().getTagName());
      assertTrue(svg.contains("memory, MiB") && svg.contains("gradients of parameters"), svg);
    }
  }

  /** Texts, sizes and the least contrast of any text in each chart. */
  private static final String LOOK =
      """
      const channels = (color) => {
        const c = document.createElement('canvas').getContext('2d');
        c.fillStyle = color;
        c.fillRect(0, 0, 1, 1);
        return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3);
      };
      const luminance = (color) => {
        const [r, g, b] = channels(color).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const paper = luminance(getComputedStyle(document.body).backgroundColor);
      const contrast = (color) => {
        const [dark, light] = [paper, luminance(color)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
      };
      const box = (e) => e.getBoundingClientRect();
      return {
        width: document.documentElement.scrollWidth,
        cells: [...document.querySelectorAll('.figures td')].map((td) => ({ text: td.textContent, right: Math.ceil(box(td).right) })),
        figures: [...document.querySelectorAll('svg')].filter((svg) => box(svg).width > 0).map((svg) => ({
          width: box(svg).width,
          title: svg.getAttribute('aria-label'),
          texts: [...svg.querySelectorAll('text')].map((t) => t.textContent),
          size: Math.min(...[...svg.querySelectorAll('text')].map((t) => box(t).height)),
          outside: [...svg.querySelectorAll('text')].filter((t) => box(t).left < box(svg).left || box(t).right > box(svg).right)
            .map((t) => t.textContent),
          contrast: Math.min(...[...svg.querySelectorAll('text')].map((t) => contrast(getComputedStyle(t).fill))) })),
      };
      """;

  private static void show(Path file, int width, String scheme) throws Exception {
    assumeTrue(browser != null, "there is no chromedriver on the PATH");
    browser.show(file.toUri(), width, scheme);
  }

  private static Map<?, ?> data(Path file) throws Exception {
    String html = Files.readString(file);
    int start = html.indexOf("id=\"data\">") + "id=\"data\">".length();
    return (Map<?, ?>) JsonTree.parse(html.substring(start, html.indexOf("</script>", start)));
  }

  private static List<?> variants(Path file) throws Exception {
    return (List<?>) data(file).get("variants");
  }

  private static long number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).longValue();
  }
}
