package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What is bound of NCCL against the header that lies beside the library, and its symbols. */
class NcclHeaderTest {
  @Test
  void functionsAndConstantsAreThoseOfTheHeader() throws Exception {
    NativeLibrary.Search search = Nccl.search();
    assumeTrue(search instanceof NativeLibrary.Found, search::explain);
    NativeLibrary.Found found = (NativeLibrary.Found) search;
    Path path = found.path().toRealPath().getParent().resolveSibling("include").resolve("nccl.h");
    assumeTrue(Files.exists(path), "no " + path);
    String header = Files.readString(path);
    for (RecordComponent function : Nccl.class.getRecordComponents()) {
      String name = function.getName();
      assertTrue(found.symbols().find(name).isPresent(), name);
      Matcher declared =
          Pattern.compile("\\n([\\w ]+\\*?) +" + name + "\\(([^)]*)\\)").matcher(header);
      assertTrue(declared.find(), name);
      String parameters =
          String.join(
              ", ", Arrays.stream(declared.group(2).split(",")).map(NcclHeaderTest::word).toList());
      String result = declared.group(1).contains("*") ? "ptr" : "int";
      assertEquals(function.getAnnotation(C.class).value(), result + "(" + parameters + ")", name);
    }
    assertTrue(header.contains("#define NCCL_UNIQUE_ID_BYTES " + Nccl.ID_BYTES + "\n"));
    assertTrue(Pattern.compile("ncclFloat32 += " + Nccl.FLOAT32 + ",").matcher(header).find());
    assertTrue(Pattern.compile("ncclSum += " + Nccl.SUM + ",").matcher(header).find());
  }

  /** Our word for a parameter: addresses of the device, streams and communicators are numbers. */
  private static String word(String parameter) {
    String type = parameter.strip();
    if (type.startsWith("ncclUniqueId ")) {
      return "id";
    } else if (type.contains("buff") || type.matches("(size_t|ncclComm_t|cudaStream_t) .*")) {
      return "long";
    } else if (type.contains("*")) {
      return "ptr";
    }
    return "int";
  }
}
