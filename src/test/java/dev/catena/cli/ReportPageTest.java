package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.report.Page;
import java.io.ByteArrayInputStream;
import java.net.URI;
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
  private static final List<String> VARIANTS = List.of("unfused", "in-place", "fused");

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
  void theDataIsTheResultAndTheSchedulesOfTheSamePlans() throws Exception {
    Map<?, ?> data = data(page);
    assertEquals(result, data.get("result"));
    assertEquals(
        "./catena compare %s --device host --no-tune --batch 2 --rounds 2 --json - --report '%s'"
            .formatted(Cli.MODEL, page),
        data.get("command"));
    assertEquals(2, ((List<?>) data.get("summary")).size());
    assertTrue(((Map<?, ?>) data.get("environment")).get("Device").toString().startsWith("host: "));
    for (int i = 0; i < VARIANTS.size(); i++) {
      Map<?, ?> row = (Map<?, ?>) ((List<?>) result.get("variants")).get(i);
      Map<?, ?> schedule = (Map<?, ?>) ((List<?>) data.get("schedules")).get(i);
      assertEquals(VARIANTS.get(i), schedule.get("name"));
      assertEquals(row.get("planned_bytes"), schedule.get("planned_bytes"));
      assertEquals(number(row, "lower_bound_bytes"), liveAtPeak(schedule));
      assertEquals(
          number(row, "weights_bytes"),
          number((Map<?, ?>) schedule.get("resident_bytes"), "parameters"));
      List<?> layers = (List<?>) schedule.get("layers");
      assertEquals(
          number(row, "launches"),
          layers.stream().mapToLong(l -> number((Map<?, ?>) l, "launches")).sum());
    }
  }

  /** The sum over the owners, which must be the same as that over the buffers. */
  private static long liveAtPeak(Map<?, ?> schedule) {
    int peak = (int) number(schedule, "peak_step");
    long owners = 0;
    for (Object bytes : ((Map<?, ?>) schedule.get("live_bytes")).values()) {
      owners += ((Number) ((List<?>) bytes).get(peak)).longValue();
    }
    long buffers =
        ((List<?>) schedule.get("peak"))
            .stream().mapToLong(b -> number((Map<?, ?>) b, "bytes")).sum();
    assertEquals(buffers, owners);
    return owners;
  }

  @Test
  void aNameCannotEndTheDataOrTheTitle() throws Exception {
    String html = Page.of("<&>", "{\"a\":\"</script>\"}");
    assertTrue(html.contains("<title>&lt;&amp;></title>"));
    assertTrue(html.contains("{\"a\":\"\\u003c/script>\"}"));
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
    show(shown, width, scheme, "");
    Map<?, ?> seen = (Map<?, ?>) browser.evaluate(LOOK);
    assertTrue(number(seen, "width") <= width, "the page is as wide as " + seen.get("width"));
    List<?> figures = (List<?>) seen.get("figures");
    assertEquals(3 + 2 * variants, figures.size());
    List<String> titles = new ArrayList<>();
    for (Object figure : figures) {
      List<?> texts = (List<?>) ((Map<?, ?>) figure).get("texts");
      titles.add(((Map<?, ?>) figure).get("title").toString());
      assertTrue(texts.contains(titles.getLast()), "no title: " + texts);
      assertTrue(number((Map<?, ?>) figure, "width") <= width - 32, figure.toString());
      List<?> legend = (List<?>) ((Map<?, ?>) figure).get("legend");
      assertTrue(legend.size() > 1 && texts.containsAll(legend), legend + " not in " + texts);
      assertTrue(
          Set.of("memory, MiB", "device time, ms", "launches").stream().anyMatch(texts::contains),
          "no unit at the axis: " + texts);
      assertTrue(
          Set.of("variant", "step", "layer, in order").stream().anyMatch(texts::contains),
          "no name at the axis: " + texts);
      double contrast = ((Number) ((Map<?, ?>) figure).get("contrast")).doubleValue();
      assertTrue(contrast >= 4.5, contrast + " is too little contrast: " + figure);
    }
    assertTrue(titles.contains("Memory at the peak"), titles.toString());
    assertTrue(titles.contains("Memory over the schedule: fused"), titles.toString());
    assertTrue(titles.contains("Time per layer: in-place"), titles.toString());
    assertEquals(List.of(), browser.console());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theBuffersOfThePeakAddUpToThePlan(boolean train) throws Exception {
    Path shown = train ? training : page;
    List<?> variants = variants(shown);
    show(shown, 1280, "light", "");
    List<?> peaks =
        (List<?>)
            browser.evaluate(
                """
                return [...document.querySelectorAll('[data-peak]')].map((p) => ({
                  name: p.dataset.peak,
                  sum: [...p.querySelectorAll('tbody [data-bytes]')].reduce((a, td) => a + Number(td.dataset.bytes), 0),
                  planned: Number(p.querySelector('tfoot [data-bytes]').dataset.bytes) }))
                """);
    assertEquals(variants.size(), peaks.size());
    for (int i = 0; i < peaks.size(); i++) {
      Map<?, ?> row = (Map<?, ?>) variants.get(i);
      Map<?, ?> peak = (Map<?, ?>) peaks.get(i);
      assertEquals(row.get("name"), peak.get("name"));
      assertEquals(number(row, "planned_bytes"), number(peak, "sum"));
      assertEquals(number(row, "planned_bytes"), number(peak, "planned"));
    }
  }

  @Test
  void givesTheChartsOfATrainingPlanAsFiles() throws Exception {
    Path plan = folder.resolve("plan.html");
    assertEquals(0, Cli.run("plan", Cli.MODEL, "--train", "--report", plan.toString()).code());
    show(plan, 1280, "dark", "?figures");
    List<?> files =
        (List<?>)
            browser.evaluate(
                "return [...document.querySelectorAll('script[data-file]')]"
                    + ".map((s) => [s.dataset.file, s.textContent])");
    assertEquals(
        List.of(
            "memory-peak.svg",
            "memory-unfused.svg",
            "memory-in-place.svg",
            "memory-fused.svg",
            "memory-recompute.svg"),
        files.stream().map(f -> ((List<?>) f).getFirst()).toList());
    for (Object file : files) {
      String svg = ((List<?>) file).getLast().toString();
      var drawn =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
      assertEquals("svg", drawn.getDocumentElement().getTagName());
      assertTrue(svg.contains("memory, MiB") && svg.contains("gradients of parameters"), svg);
    }
    assertEquals(List.of(), browser.console());
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
      return {
        width: document.documentElement.scrollWidth,
        figures: [...document.querySelectorAll('figure')].map((f) => ({
          width: f.querySelector('svg').getBoundingClientRect().width,
          title: echarts.getInstanceByDom(f.querySelector('.chart')).getOption().title[0].text,
          legend: echarts.getInstanceByDom(f.querySelector('.chart')).getOption().legend[0].data,
          texts: [...f.querySelectorAll('svg text')].map((t) => t.textContent),
          contrast: Math.min(...[...f.querySelectorAll('svg text')].map((t) => contrast(getComputedStyle(t).fill))) })),
      };
      """;

  private static void show(Path file, int width, String scheme, String query) throws Exception {
    assumeTrue(browser != null, "there is no chromedriver on the PATH");
    browser.show(URI.create(file.toUri() + query), width, scheme);
  }

  private static Map<?, ?> data(Path file) throws Exception {
    String html = Files.readString(file);
    int start = html.indexOf("id=\"data\">") + "id=\"data\">".length();
    return (Map<?, ?>) JsonTree.parse(html.substring(start, html.indexOf("</script>", start)));
  }

  private static List<?> variants(Path file) throws Exception {
    return (List<?>) ((Map<?, ?>) data(file).get("result")).get("variants");
  }

  private static long number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).longValue();
  }
}
