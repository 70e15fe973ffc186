package dev.catena;

/** Parameters gave something else than the values of a parameter. */
public final class ParameterException extends RuntimeException {
  private static final long serialVersionUID = 1;

  ParameterException(String message) {
    super(message);
  }
}
