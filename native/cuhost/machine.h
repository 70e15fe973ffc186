// machine.h: what the process may use, by its affinity and its control groups, and which of them decided.
#pragma once
#include <cstddef>
#include <string>

namespace cuhost {

struct Limit {
  double value;        // cores or bytes
  std::string reason;  // for people
};

// The least of the cores it may run on and the quotas of its control group and that group's parents, of version 1 and 2.
// root: a folder that stands for / in tests.
Limit usableCores(const std::string& root = "");
// The least of the machine's memory and the limits of those groups.
Limit usableMemory(const std::string& root = "");

}  // namespace cuhost
