/**
 * Records of method handles, one for each native library, and where the libraries were found.
 *
 * <p>Nothing here knows what a call means: no checks, no state. The rooms above call {@code
 * invokeExact} with the exact types that a component's {@link dev.catena.driver.C} signature names.
 */
package dev.catena.driver;
