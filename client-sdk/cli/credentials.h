#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-sdk/cli/secret_file.h"

namespace atrium::cli {

// What the command line shows of who calls: the key of a service, the token of a client, both, or nothing. They stand
// in files, because everybody on a machine sees the arguments of a process. It is immutable, and reads the file of the
// token anew, because tokens are replaced before they expire.
class Credentials {
 public:
  // A file that holds one of them. There is none if nothing has named it.
  using File = SecretFile;

  Credentials() = default;
  // Reads the files. INVALID_ARGUMENT names the one that cannot be read or holds something else, and repeats nothing of
  // what it holds.
  static absl::StatusOr<Credentials> Read(File key, File token);

  // These are empty if there is none.
  const std::string& key() const { return key_; }
  std::string Token() const { return NewToken(token_).value_or(token_); }
  bool has_key() const { return !key_.empty(); }
  bool has_token() const { return !token_.empty(); }
  // Returns what a call shows: the key, else the token, else nothing.
  std::string ForCall() const { return has_key() ? key_ : Token(); }

  // Returns the token that the file holds by now if it is another than `shown`.
  std::optional<std::string> NewToken(absl::string_view shown) const;

  // Return what is to be said behind the error that nobody was recognised: what was shown, or how to show something.
  std::string HintForCall() const;
  std::string HintForSession() const;

 private:
  File key_file_;
  File token_file_;
  std::string key_;
  std::string token_;
};

}  // namespace atrium::cli
