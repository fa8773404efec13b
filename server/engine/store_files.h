#pragma once

#include <string>

#include "absl/status/status.h"

namespace atrium {

// Looks through the files of a RocksDB database in `folder`, part of the data directory `directory`, that is about to
// be opened, for what RocksDB itself would not see: it takes a record that is cut short at the end of a log for a
// crash, and starts empty where the file that names all others is gone.
//
// The end of a log that a crash left half written is cut off; that was never acknowledged. DATA_LOSS if anything else
// is wrong, UNAVAILABLE if a file cannot be read. One thread, and no database open there.
absl::Status PrepareStoreFiles(const std::string& directory, const std::string& folder);

}  // namespace atrium
