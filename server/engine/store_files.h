#pragma once

#include <string>

#include "absl/status/status.h"

namespace atrium {

// Looks through the files of a RocksDB database that is about to be opened in `folder`, a part of the data directory
// `directory`, for what RocksDB itself would not see: it takes every record that is cut short at the end of a log for a
// crash, and starts empty where the file that names all others is gone.
//
// The end of a log that a crash left half written is cut off; that was never acknowledged. DATA_LOSS if anything else
// is wrong, UNAVAILABLE if a file cannot be read. One thread may call it, while no database is open there.
absl::Status PrepareStoreFiles(const std::string& directory, const std::string& folder);

}  // namespace atrium
