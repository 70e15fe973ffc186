#include "machine.h"
#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <string>

namespace cuhost {

int usableCores() {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (file >> quota >> period && quota != "max" && period > 0) {
    cores = std::min(cores, static_cast<int>(std::stod(quota) / period + 0.99));
  }
  return std::max(1, cores);
}

size_t usableMemory() {
  size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::ifstream file("/sys/fs/cgroup/memory.max");
  size_t limit = 0;
  if (file >> limit && limit > 0) bytes = std::min(bytes, limit);  // "max" is no number
  return bytes;
}

}  // namespace cuhost
