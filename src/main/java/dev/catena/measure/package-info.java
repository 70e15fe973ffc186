/**
 * What kernels cost, what the device could do, and how near they come to it; and, counted by an
 * interpreter, what they would take on a GPU that is not there.
 */
package dev.catena.measure;
