/**
 * ONNX models, read into graphs and written from them. Needs {@code com.google.protobuf}.
 *
 * @see <a href="https://github.com/onnx/onnx/blob/main/docs/IR.md">The format</a>
 */
package dev.catena.onnx;
