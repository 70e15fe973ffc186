package dev.catena.driver;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The C signature of a record component that is a method handle; the component's name is the
 * symbol.
 *
 * <p>Form: {@code result(argument, ...)} with the words {@code void}, {@code byte}, {@code short},
 * {@code int}, {@code long} (64 bits, also {@code size_t} and opaque handles, which Java only
 * passes on), {@code float}, {@code double} and {@code ptr} (memory that Java owns: a {@code
 * MemorySegment}).
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface C {
  /** The signature, for example {@code "int(ptr, long)"}. */
  String value();
}
