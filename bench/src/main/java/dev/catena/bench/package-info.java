/** What things cost, measured by JMH. Built by {@code mvn -Pbench package}. */
package dev.catena.bench;
