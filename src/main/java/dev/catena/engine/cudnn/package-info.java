/** Convolutions and their gradients by NVIDIA's cuDNN. */
package dev.catena.engine.cudnn;
