package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgreementTest {
  @Test
  void isRelativeToTheLargestOfTheReference() {
    Agreement agreement = Agreement.of(new float[] {-4, 1, 2}, new float[] {-4, 1, 2.5f});
    assertEquals(new Agreement(0.5, 0.125), agreement);
    assertTrue(agreement.within(0.125));
    assertFalse(agreement.within(0.124));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void isNeverWhereAValueIsNotFinite(float value) {
    float[] sound = {1, 2, 3};
    float[] broken = {1, value, 3};
    assertFalse(Agreement.of(sound, broken).within(Double.MAX_VALUE));
    assertFalse(Agreement.of(broken, sound).within(Double.MAX_VALUE));
    assertFalse(Agreement.of(broken, broken).within(Double.MAX_VALUE));
  }

  @Test
  void ofZerosIsPerfectOnlyWithZeros() {
    assertTrue(Agreement.of(new float[2], new float[2]).within(0));
    assertFalse(Agreement.of(new float[2], new float[] {0, 1e-9f}).within(1));
  }
}
