package dev.catena.graph;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * How an operation, or a field of one, reads in a problem's line. Without it the words are those of
 * Java with hyphens, and a number must be given.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.TYPE})
@interface Text {
  /**
   * The option; fields of the same option are joined by x. Of an operation its names: of several
   * each stands for a value of its first field.
   */
  String[] value() default {};

  /** The value of a field whose option is left out: a number, or another field that has it. */
  String absent() default "";

  /** The extents of the line's shape whose product a field is, if its option is left out. */
  Axis[] of() default {};
}
