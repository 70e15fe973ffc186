/** The command line: one command a file. */
package dev.catena.cli;
