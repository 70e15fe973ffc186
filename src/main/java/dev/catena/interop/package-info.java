/**
 * For applications that already drive the GPU through another library: its context, streams and
 * memory are used where they are, and ours are handed out in its types.
 */
@NullMarked
package dev.catena.interop;

import org.jspecify.annotations.NullMarked;
