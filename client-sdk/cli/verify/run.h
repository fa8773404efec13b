#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/verify/checker.h"
#include "client-sdk/cli/verify/settings.h"

namespace atrium::verify {

struct Result {
  History history;
  Verdict verdict;
  // The server went away so many times.
  int crashes = 0;
  // This says why nothing is proven, such as a server that did not come back; it is empty if all went well.
  std::string failure;
};

// Puts the server to the test and holds what was seen against what is promised. `progress` is told now and then how it
// goes; when `stopped`, it ends early. It fails only if the server cannot be asked at all.
absl::StatusOr<Result> Run(cli::Rpc& rpc, const Settings& settings, const std::function<bool()>& stopped,
                           const std::function<void(const std::string&)>& progress);

}  // namespace atrium::verify
