#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/authenticator.h"
#include "server/access/file_watch.h"
#include "server/common/log.h"

namespace atrium {

// The files that hold the keys of services and clients. They are read when it is made, and again when their content
// changes. It has a thread; any thread may call it.
class CredentialFiles {
 public:
  struct Paths {
    // An empty one is of a file that there is not.
    std::string service_keys;
    std::string client_jwks;
    // They are looked at this often.
    absl::Duration interval;
    // These are the names of the methods that scopes may name.
    std::vector<absl::string_view> methods;
  };

  // `authenticator` and `log` must outlive it.
  CredentialFiles(Paths paths, Authenticator& authenticator, Log& log);

  // Reads all of them, for the first time: an error names the flag and what is wrong with its file. From then on they
  // are looked at.
  absl::Status Load();
  // Looks at them now.
  void Reload() { watch_.ReloadNow(); }

  std::vector<FileWatch::Count> Counts() const { return watch_.counts(); }

 private:
  absl::Status TakeServiceKeys(absl::string_view yaml);
  absl::Status TakeClientKeys(absl::string_view json);

  const Paths paths_;
  Authenticator& authenticator_;
  FileWatch watch_;
};

}  // namespace atrium
