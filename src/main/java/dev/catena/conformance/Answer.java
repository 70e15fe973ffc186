package dev.catena.conformance;

import java.util.List;

/** A case's numbers and the reference's results: computed once, for all engines. */
final class Answer {
  private final Case one;
  private List<double[]> numbers;
  private List<double[]> results;

  Answer(Case one) {
    this.one = one;
  }

  Case one() {
    return one;
  }

  /** Of every input, which nobody changes. */
  List<double[]> numbers() {
    if (numbers == null) {
      numbers = Numbers.of(one);
    }
    return numbers;
  }

  /** The outputs. */
  List<double[]> results() {
    if (results == null) {
      results = Reference.all(one.problem(), numbers());
    }
    return results;
  }
}
