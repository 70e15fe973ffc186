/**
 * One list of problems for every device and every engine: each result against a slow reference in
 * fp64.
 *
 * <p>The problems are lines of text in this package's resources. {@link
 * dev.catena.conformance.Main} runs them from the distribution; a failure prints the command that
 * runs it again, alone.
 */
package dev.catena.conformance;
