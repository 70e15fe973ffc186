/** What kernels cost, what the device could do, and how near they come to it. */
package dev.catena.measure;
