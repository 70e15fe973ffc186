/**
 * Labelled images for training: IDX files (Fashion-MNIST), CIFAR's binary files, folders of
 * pictures, safetensors files; the order in which an epoch sees them, and batches loaded ahead.
 *
 * <p>Files are not trusted: what is wrong with their content is a {@link
 * dev.catena.error.FormatException}.
 */
@NullMarked
package dev.catena.io.datasets;

import org.jspecify.annotations.NullMarked;
