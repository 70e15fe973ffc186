// headers.h: precompiled, and included first in every kernel of the host that is more than fibers.
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <algorithm>
#include "kernel.h"
