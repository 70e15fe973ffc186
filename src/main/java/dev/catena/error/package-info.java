/** Everything that Catena throws of its own; one root, {@link CatenaException}. */
package dev.catena.error;
