/** Catena's convolutions for the CPU in cache-sized tiles, {@code native/host}. */
package dev.catena.engine.tiled;
