/**
 * Graph to graph: one pass a file, each on its own and switchable. Nothing here knows of devices.
 */
package dev.catena.rewrite;
