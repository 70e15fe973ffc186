/** Convolutions, their gradients and classifiers on the CPU by oneDNN. */
package dev.catena.engine.onednn;
