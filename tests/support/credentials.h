#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/support/temp_directory.h"
#include "tests/support/token_maker.h"

namespace atrium {

// What a server without --dev is started with: a file of service keys, and one of the keys of an issuer whose tokens it
// makes.
class TestCredentials {
 public:
  // With a key `all` for all methods in all rooms, and more keys of these elements of `keys`, as YAML in flow style.
  explicit TestCredentials(const std::vector<std::string>& more_keys = {});

  // Returns the flags that name the files.
  std::vector<std::string> Flags() const;
  const std::string& keys_path() const { return keys_path_; }
  const std::string& jwks_path() const { return jwks_path_; }
  const TokenMaker& issuer() const { return issuer_; }

  // Returns the secret of the key of that id, and an element of `keys` for it. `scopes` is YAML in flow style.
  static std::string Secret(absl::string_view id);
  static std::string Key(absl::string_view id, absl::string_view scopes);
  // Writes the file of service keys anew.
  void WriteKeys(const std::vector<std::string>& keys) const;

  // What a token says beside whom it is of. `rooms` is the JSON of the claim.
  struct Claims {
    std::string rooms = "[]";
    absl::Duration ttl = absl::Hours(1);
    // These follow the others, as `,"jti":"1"`.
    std::string more;
  };
  // Returns a token of that user, issued now.
  std::string TokenWith(absl::string_view user, const Claims& claims) const;
  std::string Token(absl::string_view user, const std::string& rooms = "[]") const {
    return TokenWith(user, {.rooms = rooms});
  }

 private:
  TempDirectory directory_;
  const std::string keys_path_;
  const std::string jwks_path_;
  const TokenMaker issuer_{"HS256"};
};

// Writes a file, whose directory is there.
void WriteFile(const std::string& path, absl::string_view content);

}  // namespace atrium
