/** Memory planned before it is taken: views, lifetimes, offsets. Pure functions of a graph. */
package dev.catena.plan;
