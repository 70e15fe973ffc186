// spacing.cuh: what the direct convolutions know of a convolution besides its ConvGeometry.
#pragma once
#include "common.cuh"

// ConvGeometry's stride is the one of rows. Dilations are from one tap to the next.
struct Spacing { int stride_w, dilation, dilation_w; };
