// sgd.cuh: the optimizer's numbers. The host writes those before NORM with every step, the device the rest.
#pragma once

enum { LEARNING_RATE, MOMENTUM, NESTEROV, WEIGHT_DECAY, UNSCALE, NORM, LOSS };
