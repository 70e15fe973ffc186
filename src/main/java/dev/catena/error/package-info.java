/** Everything that Catena throws of its own; one root, {@link CatenaException}. */
@NullMarked
package dev.catena.error;

import org.jspecify.annotations.NullMarked;
