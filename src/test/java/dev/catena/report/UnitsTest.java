package dev.catena.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnitsTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "1023, 1023 B",
    "1024, 1.00 KiB",
    "1536, 1.50 KiB",
    "1048575, 1.00 MiB",
    "1048576, 1.00 MiB",
    "11166914970, 10.40 GiB",
    "9223372036854775807, 8.00 EiB",
    "-9223372036854775808, -8.00 EiB",
    "-2048, -2.00 KiB"
  })
  void printsBytes(long bytes, String text) {
    assertEquals(text, Units.bytes(bytes));
  }

  @ParameterizedTest
  @CsvSource({
    "0.0073, 7.30 µs",
    "0.99999, 999.99 µs",
    "0.999996, 1.00 ms",
    "53.1, 53.10 ms",
    "9999.99, 9999.99 ms",
    "9999.996, 10.00 s",
    "12000, 12.00 s"
  })
  void printsTimes(double millis, String text) {
    assertEquals(text, Units.millis(millis));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {"7978856; 7,978,856", "999; 999", "-1000; -1,000"})
  void printsCounts(long count, String text) {
    assertEquals(text, Units.count(count));
  }
}
