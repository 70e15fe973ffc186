/** Memory planned before it is taken: views, lifetimes, offsets. Pure functions of a graph. */
@NullMarked
package dev.catena.plan;

import org.jspecify.annotations.NullMarked;
