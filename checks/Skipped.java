import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Prints the tests that did not run, each with its reason, from Surefire's XML reports. */
final class Skipped {
  private Skipped() {}

  /** The one argument is the folder of the reports. */
  public static void main(String[] args) throws Exception {
    for (Path report : reports(Path.of(args[0]))) {
      NodeList skipped =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(report.toFile())
              .getElementsByTagName("skipped");
      for (int i = 0; i < skipped.getLength(); i++) {
        Element skip = (Element) skipped.item(i);
        Element test = (Element) skip.getParentNode();
        System.out.println(
            "Skipped: "
                + test.getAttribute("classname").replaceFirst(".*\\.", "")
                + "."
                + test.getAttribute("name")
                + ": "
                + reason(skip));
      }
    }
  }

  /** An assumption's reason opens its stack trace, a disabled test's is an attribute. */
  private static String reason(Element skip) {
    String text =
        skip.hasAttribute("message") ? skip.getAttribute("message") : skip.getTextContent();
    return text.lines()
        .findFirst()
        .orElse("no reason given")
        .replaceFirst("^[\\w.]+Exception: (Assumption failed: )?", "");
  }

  private static List<Path> reports(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().matches("TEST-.*\\.xml"))
          .sorted()
          .toList();
    }
  }
}
