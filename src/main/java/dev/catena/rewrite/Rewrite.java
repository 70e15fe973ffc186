package dev.catena.rewrite;

import dev.catena.graph.Graph;
import java.util.function.UnaryOperator;

/** A pass: makes an equivalent graph. Stateless and thread-safe. */
@FunctionalInterface
public interface Rewrite extends UnaryOperator<Graph> {}
