#include "machine.h"
#include <sched.h>
#include <unistd.h>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

namespace cuhost {
namespace {

struct Group {
  std::string folder;  // where its files are
  bool second;         // of version 2, which has other files
};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

bool contains(const std::vector<std::string>& list, const std::string& one) {
  for (const std::string& item : list) {
    if (item == one) return true;
  }
  return false;
}

// Path of the process in a hierarchy: a line of /proc/self/cgroup is number:controllers:path, without controllers in
// version 2 (cgroups(7)). Empty if it has none.
std::string pathOf(const std::string& root, const std::string& controller, bool second) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':'), next = line.find(':', first + 1);
    if (first == line.npos || next == line.npos) continue;
    std::string controllers = line.substr(first + 1, next - first - 1);
    if (second ? controllers.empty() : contains(split(controllers, ','), controller)) return line.substr(next + 1);
  }
  return "";
}

// The groups of the process, its own first, then the parents up to where the hierarchy is mounted. A line of
// /proc/self/mountinfo is ... root mount-point options - type source super-options (proc(5)).
void addGroups(const std::string& root, const std::string& controller, bool second, std::vector<Group>& groups) {
  std::string path = pathOf(root, controller, second);
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; !path.empty() && std::getline(file, line);) {
    std::vector<std::string> fields = split(line, ' ');
    size_t dash = 0;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash < 6 || dash + 3 >= fields.size() || fields[dash + 1] != (second ? "cgroup2" : "cgroup")) continue;
    if (!second && !contains(split(fields[dash + 3], ','), controller)) continue;
    const std::string &below = fields[3], top = root + fields[4];
    // A container sees a part of the hierarchy; the path may be that of the host.
    std::string rest = below == "/" ? path : path.starts_with(below) ? path.substr(below.size()) : "";
    while (rest.size() > 1 && rest != "/") {
      groups.push_back({top + (rest[0] == '/' ? "" : "/") + rest, second});
      rest = rest.substr(0, rest.rfind('/'));
    }
    groups.push_back({top, second});
    return;
  }
}

std::vector<Group> groupsOf(const std::string& root, const std::string& controller) {
  std::vector<Group> groups;
  for (bool second : {true, false}) addGroups(root, controller, second, groups);
  return groups;
}

// The first numbers of a file; none where it has a word, as "max", or is not there.
std::vector<double> numbers(const std::string& file) {
  std::ifstream in(file);
  std::vector<double> values;
  for (double value; in >> value;) values.push_back(value);
  return values;
}

}  // namespace

Limit usableCores(const std::string& root) {
  cpu_set_t set;
  bool known = sched_getaffinity(0, sizeof set, &set) == 0;
  int cores = known ? CPU_COUNT(&set) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  Limit least{static_cast<double>(cores), "the cores that the process may run on"};
  for (const Group& group : groupsOf(root, "cpu")) {
    std::vector<double> quota = numbers(group.folder + (group.second ? "/cpu.max" : "/cpu.cfs_quota_us"));
    if (!group.second) {
      std::vector<double> period = numbers(group.folder + "/cpu.cfs_period_us");
      quota.insert(quota.end(), period.begin(), period.end());
    }
    // Version 1 says -1 for no quota.
    if (quota.size() != 2 || quota[0] <= 0 || quota[1] <= 0) continue;
    double share = std::ceil(quota[0] / quota[1]);
    if (share < least.value) least = {share, "the quota of " + group.folder};
  }
  return least;
}

Limit usableMemory(const std::string& root) {
  double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  Limit least{bytes, "the machine's memory"};
  for (const Group& group : groupsOf(root, "memory")) {
    std::vector<double> limit = numbers(group.folder + (group.second ? "/memory.max" : "/memory.limit_in_bytes"));
    if (limit.size() == 1 && limit[0] > 0 && limit[0] < least.value) least = {limit[0], "the limit of " + group.folder};
  }
  return least;
}

}  // namespace cuhost

// Which of the limits decided: 0 of the threads, 1 of the memory.
extern "C" __attribute__((visibility("default"))) const char* cuhostLimitReason(int of) {
  static const std::string cores = cuhost::usableCores().reason, memory = cuhost::usableMemory().reason;
  return of == 0 ? cores.c_str() : memory.c_str();
}
