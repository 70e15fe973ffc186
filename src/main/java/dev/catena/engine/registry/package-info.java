/** The list of all engines. */
package dev.catena.engine.registry;
