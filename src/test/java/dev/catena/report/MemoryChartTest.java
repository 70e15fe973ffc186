package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.report.MemoryChart.Block;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class MemoryChartTest {
  private static final List<Block> PLAN =
      List.of(
          new Block("a", "features", 0, 3, 0, 1024),
          new Block("b", "activation", 0, 0, 1024, 3072),
          new Block("c", "workspace", 1, 1, 1024, 2048));

  @Test
  void drawsBuffersAtTheirOffsetsOverTheirLives() throws Exception {
    List<Element> buffers = buffers(MemoryChart.svg("plan", PLAN));
    Element a = buffers.get(0);
    Element b = buffers.get(1);
    Element c = buffers.get(2);
    assertEquals(4 * number(b, "width"), number(a, "width"), 0.5);
    assertEquals(3 * number(a, "height"), number(b, "height"), 0.5);
    assertEquals(number(a, "y"), number(b, "y") + number(b, "height"), 0.2);
    assertEquals(number(b, "x") + number(b, "width"), number(c, "x"), 0.2);
    assertEquals("b (activation): 3.00 KiB at 1.00 KiB, steps 0 to 0", b.getTextContent());
    assertEquals(3, buffers.stream().map(e -> e.getAttribute("fill")).distinct().count());
  }

  @Test
  void marksThePeak() throws Exception {
    String svg = MemoryChart.svg("plan", PLAN);
    assertTrue(svg.contains(">4.00 KiB planned; most live at step 0, 4.00 KiB<"), svg);
  }

  @Test
  void keepsTheScaleThatItIsGiven() throws Exception {
    Element alone = buffers(MemoryChart.svg("plan", PLAN)).get(0);
    Element beside = buffers(MemoryChart.svg("plan", PLAN, 8192)).get(0);
    assertEquals(number(alone, "height") / 2, number(beside, "height"), 0.2);
  }

  @Test
  void drawsSeveralPlansBelowEachOtherOnOneScale() throws Exception {
    List<Block> small = List.of(new Block("d", "features", 0, 3, 0, 1024));
    Map<String, List<Block>> plans = new LinkedHashMap<>();
    plans.put("second by name", PLAN);
    plans.put("first by name", small);
    String svg = MemoryChart.svg(plans);
    List<Element> buffers = buffers(svg);
    assertEquals("a (features): 1.00 KiB at 0 B, steps 0 to 3", buffers.get(0).getTextContent());
    assertEquals(4, buffers.size());
    assertEquals(number(buffers.get(0), "height"), number(buffers.get(3), "height"), 0.2);
    assertTrue(svg.contains("viewBox=\"0 0 960 960\""), svg);
    assertTrue(svg.contains("<g transform=\"translate(0 480)\">"), svg);
  }

  @Test
  void escapesNames() throws Exception {
    Block odd = new Block("a<b>&\"c\"", "features", 0, 0, 0, 1);
    Document svg = parse(MemoryChart.svg("<&>", List.of(odd)));
    assertEquals("<&>", svg.getElementsByTagName("title").item(0).getTextContent());
  }

  @Test
  void drawsEmptyAndVastPlans() throws Exception {
    parse(MemoryChart.svg("nothing", List.of()));
    List<Block> many = new ArrayList<>();
    for (int i = 0; i < 1500; i++) {
      many.add(new Block("v" + i, "owner" + i % 9, i, i + 3, (long) (i % 4) << 32, 1L << 32));
    }
    Document svg = parse(MemoryChart.svg("vast", many));
    int texts = svg.getElementsByTagName("text").getLength();
    assertTrue(texts < 50, texts + " texts would overlap");
  }

  @Test
  void refusesBuffersThatCannotBe() {
    assertThrows(IllegalArgumentException.class, () -> new Block("a", "b", 2, 1, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Block("a", "b", 0, 1, 0, -1));
  }

  /** The rectangles with a tooltip, which the legend's have not. */
  private static List<Element> buffers(String svg) throws Exception {
    var nodes = parse(svg).getElementsByTagName("rect");
    List<Element> buffers = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      if (nodes.item(i) instanceof Element rect && rect.hasChildNodes()) {
        buffers.add(rect);
      }
    }
    return buffers;
  }

  private static Document parse(String svg) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
  }

  private static double number(Element element, String attribute) {
    return Double.parseDouble(element.getAttribute(attribute));
  }
}
