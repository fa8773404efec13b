#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace atrium {

using Words = std::vector<std::string>;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

// Runs the command line until it ends. `environment` is all that it has, beside the address.
inline Ran RunAtrium(const Words& words, const std::string& address = "", Words environment = {}) {
  if (!address.empty()) environment.push_back(absl::StrCat("ATRIUM_ADDRESS=", address));
  Process atrium(ATRIUM_PATH, words, environment);
  Ran ran{.out = atrium.ReadOut(), .err = atrium.ReadErr()};
  ran.code = atrium.ExitCode();
  return ran;
}

}  // namespace atrium
