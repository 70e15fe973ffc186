// machine.h: what the process may use, by its affinity and its control group.
#pragma once
#include <cstddef>

namespace cuhost {

int usableCores();
size_t usableMemory();

}  // namespace cuhost
