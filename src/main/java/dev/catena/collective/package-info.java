/**
 * What the ranks of a data-parallel run do together. {@link dev.catena.collective.Collective} is
 * all that training knows of it.
 */
@NullMarked
package dev.catena.collective;

import org.jspecify.annotations.NullMarked;
