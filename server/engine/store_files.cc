#include "server/engine/store_files.h"

namespace atrium {

absl::Status PrepareStoreFiles(const std::string&, const std::string&) { return absl::OkStatus(); }

}  // namespace atrium
