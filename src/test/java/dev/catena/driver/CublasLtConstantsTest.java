package dev.catena.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CublasLtConstantsTest {

  @Test
  void numbersAreThoseOfTheInstalledHeaders() throws Exception {
    Map<String, Integer> headers =
        Headers.enumerators(NativeLibrary.CUBLASLT, "cublasLt.h", "cublas_api.h");
    Map<String, Integer> ours = Headers.constants(CublasLtConstants.class);
    // Element types are in the CUDA toolkit's library_types.h, sizes of structures in no enum.
    ours.keySet()
        .removeIf(
            name ->
                name.startsWith("R_")
                    || name.equals("ALGORITHM_BYTES")
                    || name.equals("HEURISTIC_RESULT_BYTES"));
    Map<String, Integer> theirs = new TreeMap<>();
    ours.keySet().forEach(name -> theirs.put(name, find(headers, name)));
    assertEquals(theirs, new TreeMap<>(ours));
  }

  private static Integer find(Map<String, Integer> headers, String name) {
    return Stream.of("CUBLAS_", "CUBLASLT_")
        .map(prefix -> headers.get(prefix + name))
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }
}
