#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace atrium {

// How a file in RocksDB's log format (a write-ahead log, a manifest) ends.
//
// Such a file is a run of batches, each synced before the next is written. So only the last one can be left half
// written by a crash: it is cut short, or has pages that never reached the disk and read as zeros. RocksDB takes more
// for a crash than that: where a flipped bit makes a length point behind the end of the file, it silently drops all
// that follows.
struct LogFileEnd {
  enum Kind {
    kWhole,    // All of the file is sound.
    kTorn,     // What follows sound_bytes is a batch that a crash left half written.
    kDamaged,  // What follows sound_bytes has been changed after it was written.
  };
  Kind kind;
  // So many bytes at the beginning are whole batches.
  size_t sound_bytes;
};

// Looks through all of `file`. A last batch that was damaged in just the way in which a crash tears one (cut short at
// the end of the file, or with pages zeroed) cannot be told from it. Any thread may call it.
LogFileEnd CheckLogFile(absl::string_view file);

}  // namespace atrium
