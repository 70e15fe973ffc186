package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.Variant;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class FiguresTest {
  private static final double[] NONE = {};

  private static MemoryPlan plan(Variant variant) {
    return Models.get("resnet-20").plan(Inference.batch(2).variant(variant));
  }

  @Test
  void anArenaHasEachBufferAtItsOffsetOverItsLife() throws Exception {
    MemoryPlan plan = plan(Variant.UNFUSED);
    List<Element> boxes = boxes(Figures.arenas(Map.of("a <plan>", plan)));
    assertEquals(plan.buffers().size(), boxes.size());
    ToDoubleFunction<Buffer> life = b -> 1.0 + b.lastStep() - b.firstStep();
    double bytes = scale(plan, boxes, "height", Buffer::bytes);
    double steps = scale(plan, boxes, "width", life);
    for (Buffer buffer : plan.buffers()) {
      Element box = boxes.get(buffer.id());
      assertTrue(box.getTextContent().startsWith(buffer.name() + " ("), box.getTextContent());
      assertEquals(bytes * buffer.bytes(), number(box, "height"), 0.2);
      assertEquals(steps * life.applyAsDouble(buffer), number(box, "width"), 0.2);
    }
  }

  /** Pixels for one of a quantity, by the box that has most of it. */
  private static double scale(
      MemoryPlan plan, List<Element> boxes, String attribute, ToDoubleFunction<Buffer> quantity) {
    Buffer most = Collections.max(plan.buffers(), Comparator.comparingDouble(quantity));
    return number(boxes.get(most.id()), attribute) / quantity.applyAsDouble(most);
  }

  @Test
  void plansBelowEachOtherHaveOneScale() throws Exception {
    Map<String, MemoryPlan> plans = new LinkedHashMap<>();
    plans.put("fused", plan(Variant.FUSED));
    plans.put("unfused", plan(Variant.UNFUSED));
    List<Element> boxes = boxes(Figures.arenas(plans));
    int fused = plans.get("fused").buffers().size();
    double first = scale(plans.get("fused"), boxes, "height", Buffer::bytes);
    List<Element> others = boxes.subList(fused, boxes.size());
    double second = scale(plans.get("unfused"), others, "height", Buffer::bytes);
    assertEquals(first, second, 0.01 * first);
  }

  @Test
  void accuraciesOfOneEpochAreSeen() throws Exception {
    double[] half = {0.5};
    String svg = Figures.training("one", 0, List.of(2f, 1f), new double[] {2}, half, NONE);
    var dots = parse(svg).getElementsByTagName("circle");
    assertEquals(3, dots.getLength(), "two losses and an accuracy");
    assertTrue(svg.contains("data-series=\"accuracy in training\""));
  }

  @Test
  void manyLossesAreAveraged() throws Exception {
    List<Float> losses = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      losses.add(i % 2 == 0 ? 1f : 3f);
    }
    Document svg = parse(Figures.training("many", 0, losses, NONE, NONE, NONE));
    var line = (Element) svg.getElementsByTagName("polyline").item(0);
    String[] points = line.getAttribute("points").split(" ");
    assertEquals(400, points.length);
    assertEquals(1, List.of(points).stream().map(p -> p.split(",")[1]).distinct().count());
  }

  /** The boxes that say what they are, which those of the legend do not. */
  private static List<Element> boxes(String svg) throws Exception {
    var nodes = parse(svg).getElementsByTagName("rect");
    List<Element> boxes = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      if (nodes.item(i) instanceof Element rect && rect.hasChildNodes()) {
        boxes.add(rect);
      }
    }
    return boxes;
  }

  static Document parse(String svg) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
  }

  private static double number(Element element, String attribute) {
    return Double.parseDouble(element.getAttribute(attribute));
  }
}
