package dev.catena;

/**
 * The result of a training step.
 *
 * @param loss mean over the batch, before the step changed the parameters
 * @param gradientNorm Euclidean norm of the gradients of all parameters, without loss scale and
 *     weight decay
 * @param applied whether the parameters changed; they do not where the norm is not finite
 * @param lossScale of the next step; always 1 but in fp16
 */
public record StepResult(float loss, float gradientNorm, boolean applied, float lossScale) {}
