/** Catena's own kernels, {@code kernels/*.cu}, on every device. */
package dev.catena.engine.kernel;
