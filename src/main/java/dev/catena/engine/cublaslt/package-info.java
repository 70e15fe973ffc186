/** Products of matrices by NVIDIA's cuBLASLt. */
package dev.catena.engine.cublaslt;
