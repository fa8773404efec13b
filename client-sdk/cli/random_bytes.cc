#include "client-sdk/cli/random_bytes.h"

#include <openssl/rand.h>

namespace atrium::cli {

absl::StatusOr<std::string> RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1) return bytes;
  return absl::InternalError("the system has no random bytes");
}

}  // namespace atrium::cli
