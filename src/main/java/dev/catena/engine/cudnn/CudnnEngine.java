package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.graph.DType;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One of cuDNN's engines, by its index among the engines for a graph, and what it says of itself.
 *
 * @param index the global index; stable within a version of cuDNN
 * @param notes how its arithmetic departs from plain fp32 sums of products
 */
record CudnnEngine(long index, Set<Note> notes) {

  CudnnEngine {
    notes = Set.copyOf(notes);
  }

  /** Numerical notes, with their numbers in cuDNN. Unknown ones are left out. */
  enum Note {
    TENSOR_CORE(CudnnConstants.NUMERICAL_NOTE_TENSOR_CORE),
    DOWN_CONVERT_INPUTS(CudnnConstants.NUMERICAL_NOTE_DOWN_CONVERT_INPUTS),
    REDUCED_PRECISION_REDUCTION(CudnnConstants.NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION),
    FFT(CudnnConstants.NUMERICAL_NOTE_FFT),
    NONDETERMINISTIC(CudnnConstants.NUMERICAL_NOTE_NONDETERMINISTIC),
    WINOGRAD(CudnnConstants.NUMERICAL_NOTE_WINOGRAD);

    final int number;

    Note(int number) {
      this.number = number;
    }
  }

  /** Reads the engine of a configuration that the heuristics gave. */
  static CudnnEngine of(CudnnLibrary cudnn, CudnnDescriptor configuration) {
    try (var engine = new CudnnDescriptor(cudnn, CudnnConstants.BACKEND_ENGINE_DESCRIPTOR)) {
      configuration.getDescriptors(CudnnAttribute.ENGINECFG_ENGINE, List.of(engine));
      int[] numbers = engine.getEnums(CudnnAttribute.ENGINE_NUMERICAL_NOTE, 32);
      Set<Note> notes =
          Arrays.stream(Note.values())
              .filter(note -> IntStream.of(numbers).anyMatch(n -> n == note.number))
              .collect(Collectors.toUnmodifiableSet());
      return new CudnnEngine(engine.getLong(CudnnAttribute.ENGINE_GLOBAL_INDEX), notes);
    }
  }

  /**
   * Whether the engine sums exact products of {@code dtype} in fp32, in the same order every time.
   * Winograd and FFT transform the inputs first; atomic sums have no order. Tensor cores have no
   * fp32 multiplier: an fp32 engine that notes them rounds its inputs to TF32 (10 bits of
   * mantissa).
   *
   * @param tf32 whether that rounding is accepted
   */
  boolean exact(DType dtype, boolean tf32) {
    return Collections.disjoint(notes, INEXACT)
        && (tf32 || dtype != DType.FP32 || Collections.disjoint(notes, ROUNDS_FP32));
  }

  private static final Set<Note> ROUNDS_FP32 =
      EnumSet.of(Note.TENSOR_CORE, Note.DOWN_CONVERT_INPUTS);
  private static final Set<Note> INEXACT =
      EnumSet.of(Note.REDUCED_PRECISION_REDUCTION, Note.FFT, Note.NONDETERMINISTIC, Note.WINOGRAD);
}
