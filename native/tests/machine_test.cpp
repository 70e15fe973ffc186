// Control groups as containers have them, in a folder that stands for /.
#include "machine.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include "check.h"

namespace {

using namespace cuhost;

struct Root {
  std::string folder;

  Root(const std::string& groups, const std::string& mounts) {
    std::string name = std::filesystem::temp_directory_path() / "machine-XXXXXX";
    folder = mkdtemp(name.data());
    write("/proc/self/cgroup", groups);
    write("/proc/self/mountinfo", mounts);
  }
  ~Root() { std::filesystem::remove_all(folder); }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder + file).parent_path());
    std::ofstream(folder + file) << text;
  }
};

const char* SECOND = "30 22 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const char* FIRST =
    "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

double cores() { return usableCores("/nonexistent").value; }

}  // namespace

TEST(halfACoreIsOneThread) {
  Root root("0::/\n", SECOND);
  root.write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  SAME(usableCores(root.folder).value, 1);
  CHECK(usableCores(root.folder).reason == "the quota of " + root.folder + "/sys/fs/cgroup");
}

TEST(quotasOfNestedGroupsAndTheirParentsCount) {
  Root root("0::/service/worker\n", SECOND);
  root.write("/sys/fs/cgroup/service/worker/cpu.max", "max 100000\n");
  root.write("/sys/fs/cgroup/service/cpu.max", "100000 100000\n");
  root.write("/sys/fs/cgroup/service/worker/memory.max", "1073741824\n");
  root.write("/sys/fs/cgroup/service/memory.max", "max\n");
  SAME(usableCores(root.folder).value, 1);
  SAME(usableMemory(root.folder).value, 1073741824);
  CHECK(usableMemory(root.folder).reason.ends_with("/sys/fs/cgroup/service/worker"));
}

TEST(theFirstVersionIsRead) {
  Root root("5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n", FIRST);
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "20000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
  root.write("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "536870912\n");
  root.write("/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "9223372036854771712\n");
  SAME(usableCores(root.folder).value, 1);
  SAME(usableMemory(root.folder).value, 536870912);
}

// The path is the host's, and what is mounted is the container's part.
TEST(aContainerSeesItsOwnPartOfTheHierarchy) {
  Root root("4:memory:/docker/abc/inner\n",
            "34 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  root.write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "268435456\n");
  root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  SAME(usableMemory(root.folder).value, 268435456);
}

TEST(withoutGroupsTheMachineDecides) {
  Root root("0::/\n", SECOND);
  root.write("/sys/fs/cgroup/cpu.max", "max 100000\n");
  SAME(usableCores(root.folder).value, cores());
  CHECK(usableCores("/nonexistent").reason == "the cores that the process may run on");
}
