package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CudnnConstantsTest {

  @Test
  void numbersAreThoseOfTheInstalledHeader() throws Exception {
    Map<String, Integer> header = Headers.enumerators(NativeLibrary.CUDNN, "cudnn_graph.h");
    Map<String, Integer> ours = Headers.constants(CudnnConstants.class);
    for (CudnnAttribute attribute : CudnnAttribute.values()) {
      ours.put("ATTR_" + attribute, attribute.number());
      ours.put("TYPE_" + attribute.type(), attribute.type().number());
    }
    Map<String, Integer> theirs = new TreeMap<>();
    ours.keySet().forEach(name -> theirs.put(name, header.get("CUDNN_" + name)));
    assertEquals(theirs, new TreeMap<>(ours));
  }
}
