package dev.catena.cli;

import dev.catena.report.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A Chromium without a window, driven by chromedriver (the WebDriver protocol). */
final class Browser implements AutoCloseable {
  private static final Pattern PORT = Pattern.compile("started successfully on port (\\d+)");
  private static final int MILLIS = 60_000;

  private final Process driver;
  private final String session;
  private int shown;

  private Browser(Process driver, String server) throws IOException {
    this.driver = driver;
    List<String> arguments =
        List.of(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync");
    Map<String, Object> wanted =
        Map.of(
            "goog:chromeOptions", Map.of("args", arguments),
            "goog:loggingPrefs", Map.of("browser", "ALL"));
    Map<?, ?> opened =
        (Map<?, ?>)
            send(server + "/session", Map.of("capabilities", Map.of("alwaysMatch", wanted)));
    session = server + "/session/" + opened.get("sessionId");
  }

  /** One for the tests, or nothing where the machine has no chromedriver. */
  static Optional<Browser> open() throws IOException {
    Optional<Path> program =
        Stream.of(System.getenv("PATH").split(":"))
            .map(folder -> Path.of(folder, "chromedriver"))
            .filter(Files::isExecutable)
            .findFirst();
    if (program.isEmpty()) {
      return Optional.empty();
    }
    Process driver =
        new ProcessBuilder(program.get().toString(), "--port=0").redirectErrorStream(true).start();
    try {
      return Optional.of(new Browser(driver, "http://127.0.0.1:" + port(driver)));
    } catch (IOException | RuntimeException e) {
      driver.destroy();
      throw e;
    }
  }

  private static String port(Process driver) throws IOException {
    BufferedReader said = driver.inputReader();
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      Matcher port = PORT.matcher(line);
      if (port.find()) {
        return port.group(1);
      }
    }
    throw new IOException("chromedriver said no port");
  }

  /** Shows a page on a screen of this width, in light or dark colours. */
  void show(URI page, int width, String scheme) throws IOException {
    Map<String, Object> screen =
        Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false);
    devTools("Emulation.setDeviceMetricsOverride", screen);
    Map<String, Object> feature = Map.of("name", "prefers-color-scheme", "value", scheme);
    devTools("Emulation.setEmulatedMedia", Map.of("features", List.of(feature)));
    String query = "?" + ++shown;
    send(session + "/url", Map.of("url", page + query));
    // The driver does not always wait until a page is read to its end.
    while (!query.equals(
        evaluate("return document.readyState === 'complete' ? location.search : ''"))) {
      Thread.onSpinWait();
    }
  }

  private void devTools(String command, Map<String, Object> parameters) throws IOException {
    send(session + "/goog/cdp/execute", Map.of("cmd", command, "params", parameters));
  }

  /** What the body of a function returns in the page. */
  Object evaluate(String script) throws IOException {
    return send(session + "/execute/sync", Map.of("script", script, "args", List.of()));
  }

  /** What the page said on its console since the last call. */
  List<?> console() throws IOException {
    return (List<?>) send(session + "/se/log", Map.of("type", "browser"));
  }

  private static Object send(String address, Map<String, Object> body) throws IOException {
    HttpURLConnection call = (HttpURLConnection) URI.create(address).toURL().openConnection();
    call.setConnectTimeout(MILLIS);
    call.setReadTimeout(MILLIS);
    call.setDoOutput(true);
    call.getOutputStream().write(Json.text(body).getBytes(StandardCharsets.UTF_8));
    boolean good = call.getResponseCode() < 400;
    try (InputStream answer = good ? call.getInputStream() : call.getErrorStream()) {
      String text = new String(answer.readAllBytes(), StandardCharsets.UTF_8);
      if (!good) {
        throw new IOException(address + ": " + text);
      }
      return ((Map<?, ?>) JsonTree.parse(text)).get("value");
    }
  }

  @Override
  public void close() throws IOException {
    HttpURLConnection end = (HttpURLConnection) URI.create(session).toURL().openConnection();
    end.setRequestMethod("DELETE");
    end.getResponseCode();
    driver.destroy();
  }
}
