/**
 * The intermediate representation: an immutable, topologically ordered list of nodes over values.
 *
 * <p>Activations are rank 4 and logically N,H,W,C; parameters keep the shapes of their checkpoint.
 * Nothing here knows of memory or devices.
 */
@NullMarked
package dev.catena.graph;

import org.jspecify.annotations.NullMarked;
