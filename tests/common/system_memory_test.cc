#include "server/common/system_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_directory.h"

namespace atrium {
namespace {

class SystemMemoryTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  int64_t Read(const std::string& groups) const { return SystemMemory(groups, root_.path()); }

  const TempDirectory root_;
  // Nothing below says otherwise.
  const int64_t machine_ = SystemMemory("", root_.path());
};

TEST_F(SystemMemoryTest, WithoutALimitItIsTheMachines) {
  EXPECT_GT(machine_, 64 << 20);
  Write("/memory.max", "max");
  EXPECT_EQ(Read("0::/\n"), machine_);
  EXPECT_EQ(Read("0::/kubepods/gone\n"), machine_);
  Write("/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(Read("4:memory:/\n"), machine_);
  EXPECT_EQ(Read("nonsense\n::\n0::relative\n4:cpu:/\n"), machine_);
}

TEST_F(SystemMemoryTest, OfVersion2ItIsTheLeastOnTheWayUp) {
  Write("/kubepods/memory.max", "33554432");
  Write("/kubepods/pod/memory.max", "max");
  Write("/kubepods/pod/one/memory.max", "50331648");
  EXPECT_EQ(Read("0::/kubepods/pod/one\n"), 33554432);
  Write("/kubepods/pod/one/memory.max", "16777216");
  EXPECT_EQ(Read("0::/kubepods/pod/one\n"), 16777216);
  // A container mostly sees its own group as the root.
  Write("/memory.max", "8388608");
  EXPECT_EQ(Read("0::/\n"), 8388608);
}

TEST_F(SystemMemoryTest, OfVersion1TheMemoryControllersGroupCounts) {
  Write("/memory/pod/memory.limit_in_bytes", "16777216");
  Write("/memory/other/memory.limit_in_bytes", "1048576");
  EXPECT_EQ(Read("5:cpu,cpuacct:/other\n4:memory:/pod\n1:name=systemd:/other\n"), 16777216);
}

TEST_F(SystemMemoryTest, TheProcessHasSomeOfIt) {
  EXPECT_GT(ResidentMemory(), 1 << 20);
  EXPECT_LT(ResidentMemory(), machine_);
  EXPECT_LE(SystemMemory(), machine_);
}

}  // namespace
}  // namespace atrium
