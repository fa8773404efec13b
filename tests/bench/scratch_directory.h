#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/bench/check.h"

namespace atrium::bench {

// A new directory below `parent`, removed with all that is in it. One thread.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& parent) : path_(parent + "/atrium_bench.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) Fail("cannot make a directory in " + parent);
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace atrium::bench
