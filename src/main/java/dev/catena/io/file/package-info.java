/** Files that are read and written whole. */
package dev.catena.io.file;
