/** Catena's networks in Apache Spark: inference on a column, training in a barrier stage. */
package dev.catena.spark;
