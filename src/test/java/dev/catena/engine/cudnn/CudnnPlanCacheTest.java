package dev.catena.engine.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.catena.engine.cudnn.CudnnPlanCache.Choice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudnnPlanCacheTest {

  private static final Choice CHOICE = new Choice(4736, "{\"plan\":\"\u00fc\"}");

  @TempDir Path folder;
  private final AtomicInteger asked = new AtomicInteger();

  @Test
  void aChoiceOutlivesTheProcess() {
    assertEquals(CHOICE, ask(folder, "key", CHOICE));
    assertEquals(CHOICE, ask(folder, "key", CHOICE));
    assertEquals(1, asked.get());
    assertFalse(ask(folder, "other", Choice.NONE).exists());
    assertFalse(ask(folder, "other", CHOICE).exists(), "that there is none is remembered too");
    assertEquals(2, asked.get());
  }

  @Test
  void aDamagedFileIsMadeAgain() throws IOException {
    ask(folder, "key", CHOICE);
    for (String damage :
        List.of("", "{", "{\"key\":\"another\",\"workspace\":\"1\"}", "[]", "{}")) {
      Files.writeString(files().getFirst(), damage);
      assertEquals(CHOICE, ask(folder, "key", CHOICE), damage);
    }
    assertEquals(6, asked.get());
    assertEquals(1, files().size(), "no temporary file stays");
  }

  @Test
  void aFolderThatCannotBeMadeCostsOnlyTheMemory() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertEquals(CHOICE, ask(file.resolve("below"), "key", CHOICE));
  }

  private Choice ask(Path where, String key, Choice choice) {
    return new CudnnPlanCache(Optional.of(where))
        .get(
            key,
            () -> {
              asked.incrementAndGet();
              return choice;
            });
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.toList();
    }
  }
}
