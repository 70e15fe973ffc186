package dev.catena.driver;

import dev.catena.error.MissingNativeException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** oneDNN's C API, as far as Catena uses it, and the OpenMP runtime that it brings along. */
public record OneDnn(
    @C("int(ptr, int, long)") MethodHandle dnnl_engine_create,
    @C("int(ptr, long, int)") MethodHandle dnnl_stream_create,
    @C("int(long)") MethodHandle dnnl_stream_destroy,
    @C("int(ptr, int, ptr, int, ptr)") MethodHandle dnnl_memory_desc_create_with_strides,
    @C("int(ptr, int, ptr, int, int)") MethodHandle dnnl_memory_desc_create_with_tag,
    @C("int(long)") MethodHandle dnnl_memory_desc_destroy,
    @C("long(long)") MethodHandle dnnl_memory_desc_get_size,
    @C("int(ptr, ptr, long)") MethodHandle dnnl_memory_desc_get_blob,
    @C("int(ptr, ptr)") MethodHandle dnnl_memory_desc_create_with_blob,
    @C("int(ptr, long, long, long)") MethodHandle dnnl_memory_create,
    @C("int(long)") MethodHandle dnnl_memory_destroy,
    @C("int(ptr)") MethodHandle dnnl_post_ops_create,
    @C("int(long)") MethodHandle dnnl_post_ops_destroy,
    @C("int(long, int, float, float)") MethodHandle dnnl_post_ops_append_eltwise,
    @C("int(ptr)") MethodHandle dnnl_primitive_attr_create,
    @C("int(long)") MethodHandle dnnl_primitive_attr_destroy,
    @C("int(long, int)") MethodHandle dnnl_primitive_attr_set_scratchpad_mode,
    @C("int(long, long)") MethodHandle dnnl_primitive_attr_set_post_ops,
    @C("int(ptr, long, int, int, long, long, long, long, ptr, ptr, ptr, ptr, long)")
        MethodHandle dnnl_convolution_forward_primitive_desc_create,
    @C("int(ptr, long, int, long, long, long, ptr, ptr, ptr, ptr, long, long)")
        MethodHandle dnnl_convolution_backward_data_primitive_desc_create,
    @C("int(ptr, long, int, long, long, long, long, ptr, ptr, ptr, ptr, long, long)")
        MethodHandle dnnl_convolution_backward_weights_primitive_desc_create,
    @C("int(ptr, long, long, long, long, long, long)")
        MethodHandle dnnl_matmul_primitive_desc_create,
    @C("int(ptr, long, long, long, long, long)") MethodHandle dnnl_reorder_primitive_desc_create,
    @C("long(long, int, int)") MethodHandle dnnl_primitive_desc_query_md,
    @C("int(long)") MethodHandle dnnl_primitive_desc_destroy,
    @C("int(ptr, long)") MethodHandle dnnl_primitive_create,
    @C("int(long)") MethodHandle dnnl_primitive_destroy,
    @C("int(long, long, int, ptr)") MethodHandle dnnl_primitive_execute,
    @C("int(long)") MethodHandle dnnl_stream_wait,
    @C("int()") MethodHandle omp_get_max_threads,
    @C("void(int)") MethodHandle omp_set_num_threads) {

  /** The library, bound once for the process. */
  public static OneDnn get() {
    return Holder.LIBRARY;
  }

  /** The outcome of the search for the library. */
  public static NativeLibrary.Search search() {
    return NativeLibraries.find(NativeLibrary.ONEDNN);
  }

  /** The address of a function, for native code that calls it. */
  public static long address(String function) {
    return switch (search()) {
      case NativeLibrary.Found found ->
          found
              .symbols()
              .find(function)
              .map(MemorySegment::address)
              .orElseThrow(
                  () -> new MissingNativeException(found.path() + " has no function " + function));
      case NativeLibrary.Missing missing -> throw new MissingNativeException(missing.explain());
    };
  }

  private static final class Holder {
    static final OneDnn LIBRARY = Handles.bind(OneDnn.class, MethodHandles.lookup(), search());
  }
}
