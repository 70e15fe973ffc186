/**
 * Files to checked values: weights ({@link dev.catena.io.SafeTensors}), pictures ({@link
 * dev.catena.io.Image}), names of classes ({@link dev.catena.io.Labels}).
 *
 * <p>Files are not trusted. What is wrong with their content is a {@link
 * dev.catena.error.FormatException} that names the file, the place and a remedy; trouble in
 * reaching them is an {@link java.io.IOException}. Nothing here knows devices.
 */
@NullMarked
package dev.catena.io;

import org.jspecify.annotations.NullMarked;
