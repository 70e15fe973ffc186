/**
 * Where operations meet devices: for each operation, who can do it, with what scratch memory, and
 * the launches that do it.
 */
package dev.catena.engine;
