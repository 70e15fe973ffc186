package dev.catena.driver;

import dev.catena.error.MissingNativeException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Optional;

/**
 * Fills a record of method handles from a native library.
 *
 * <p>A symbol or a whole library that is missing becomes a handle that throws {@link
 * MissingNativeException}, with the reason, when it is used: binding itself never fails. No handle
 * is critical, so each may wait.
 */
public final class Handles {
  private static final Linker LINKER = Linker.nativeLinker();

  private Handles() {}

  /** An instance of {@code type} whose components, all {@link C}, are bound to {@code library}. */
  public static <R extends Record> R bind(
      Class<R> type, MethodHandles.Lookup caller, NativeLibrary.Search library) {
    Object[] handles =
        Arrays.stream(type.getRecordComponents()).map(c -> handle(c, library)).toArray();
    Class<?>[] types = new Class<?>[handles.length];
    Arrays.fill(types, MethodHandle.class);
    try {
      return type.cast(
          caller
              .findConstructor(type, MethodType.methodType(void.class, types))
              .invokeWithArguments(handles));
    } catch (Throwable e) {
      throw new AssertionError("not a record of method handles: " + type, e);
    }
  }

  /** The layout of a signature in the form that {@link C} describes. */
  static FunctionDescriptor descriptor(String signature) {
    int open = signature.indexOf('(');
    String arguments = signature.substring(open + 1, signature.indexOf(')')).strip();
    MemoryLayout[] layouts =
        arguments.isEmpty()
            ? new MemoryLayout[0]
            : Arrays.stream(arguments.split(","))
                .map(String::strip)
                .map(Handles::layout)
                .toArray(MemoryLayout[]::new);
    String result = signature.substring(0, open).strip();
    return result.equals("void")
        ? FunctionDescriptor.ofVoid(layouts)
        : FunctionDescriptor.of(layout(result), layouts);
  }

  private static MethodHandle handle(RecordComponent component, NativeLibrary.Search library) {
    FunctionDescriptor descriptor = descriptor(component.getAnnotation(C.class).value());
    return switch (library) {
      case NativeLibrary.Missing missing -> throwing(descriptor, missing.explain());
      case NativeLibrary.Found found -> downcall(component.getName(), descriptor, found);
    };
  }

  private static MethodHandle downcall(
      String symbol, FunctionDescriptor descriptor, NativeLibrary.Found found) {
    SymbolLookup symbols = found.symbols();
    Optional<MemorySegment> address = symbols.find(symbol);
    return address.isPresent()
        ? LINKER.downcallHandle(address.get(), descriptor)
        : throwing(
            descriptor,
            found.path() + " (version " + found.version() + ") has no function " + symbol);
  }

  private static MethodHandle throwing(FunctionDescriptor descriptor, String reason) {
    MethodType type = descriptor.toMethodType();
    MethodHandle thrower =
        MethodHandles.throwException(type.returnType(), MissingNativeException.class);
    MethodHandle make = MethodHandles.insertArguments(NEW_MISSING, 0, reason);
    return MethodHandles.dropArguments(
        MethodHandles.foldArguments(thrower, make), 0, type.parameterList());
  }

  private static final MethodHandle NEW_MISSING = newMissing();

  private static MethodHandle newMissing() {
    try {
      return MethodHandles.lookup()
          .findConstructor(
              MissingNativeException.class, MethodType.methodType(void.class, String.class));
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  private static MemoryLayout layout(String word) {
    return switch (word) {
      case "byte" -> ValueLayout.JAVA_BYTE;
      case "short" -> ValueLayout.JAVA_SHORT;
      case "int" -> ValueLayout.JAVA_INT;
      case "long" -> ValueLayout.JAVA_LONG;
      case "float" -> ValueLayout.JAVA_FLOAT;
      case "double" -> ValueLayout.JAVA_DOUBLE;
      case "ptr" -> ValueLayout.ADDRESS;
      case "id" ->
          MemoryLayout.structLayout(
              MemoryLayout.sequenceLayout(Nccl.ID_BYTES, ValueLayout.JAVA_BYTE));
      default -> throw new IllegalArgumentException("unknown C type: " + word);
    };
  }
}
