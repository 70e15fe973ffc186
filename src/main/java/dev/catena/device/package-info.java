/**
 * Devices, their memory, streams, kernels and replayable graphs; one code path for GPUs and the
 * host.
 *
 * <p>All types are safe for many threads. {@code close()} may be called twice, waits for calls that
 * are under way in other threads, and makes later calls throw {@link IllegalStateException}; a
 * device frees what was left open. Device addresses are plain {@code long}s: that they point into
 * live memory is the caller's part, as in CUDA.
 */
@NullMarked
package dev.catena.device;

import org.jspecify.annotations.NullMarked;
