package dev.catena.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabelsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tench\ngreat white shark\nénigme",
        "\uFEFFtench\r\n great white shark \r\nénigme\r\n\r\n",
        "[\"tench\", \"great white shark\", \"énigme\"]",
        " {\"0\": \"tench\", \"2\": \"énigme\", \"1\": \"great white shark\"}",
        "{\"0\":[\"n01440764\",\"tench\"],\"1\":[\"n01484850\",\"great white"
            + " shark\"],\"2\":[\"x\",\"énigme\"]}"
      })
  void readsEveryForm(String text) throws IOException {
    assertEquals(List.of("tench", "great white shark", "énigme"), read(text));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '~',
      value = {
        "a\\n\\nb; line 2: is blank",
        "\\n; names no class",
        "{}; names no class",
        "{\"0\":\"a\",\"2\":\"b\"}; 2 classes are named, but the last is number 2",
        "{\"0\":\"a\",\"00\":\"b\"}; class 0: is named twice",
        "{\"0\":\"a\",\"0\":\"b\"}; uplicate",
        "{\"-1\":\"a\"}; '-1': is not a class number",
        "{\"99999999999\":\"a\"}; is not a class number",
        "{\"0\":1}; a name must be a text",
        "{\"0\":[\"a\",1]}; a name must be a text",
        "{\"0\":[[\"a\"]]}; a name must be a text",
        "{\"0\":[]}; a name is missing",
        "[\"a\",\" \"]; a name is missing",
        "[\"a\"; broken JSON",
        "[\"a\"] x; broken JSON",
        "[\"a\"][]; goes on after its JSON"
      })
  void namesWhatIsWrong(String text, String reason) {
    String content = text.replace("\\n", "\n");
    var error = assertThrows(FormatException.class, () -> read(content));
    assertTrue(error.getMessage().contains(reason), error::getMessage);
  }

  @Test
  void refusesOtherFiles() throws IOException {
    Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertThrows(FormatException.class, () -> Labels.read(binary));
    assertThrows(NoSuchFileException.class, () -> Labels.read(folder.resolve("missing")));
    assertThrows(IOException.class, () -> Labels.read(folder));
  }

  private List<String> read(String text) throws IOException {
    return Labels.read(
        Files.write(folder.resolve("labels"), text.getBytes(StandardCharsets.UTF_8)));
  }
}
