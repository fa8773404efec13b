#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace atrium {

// How a file in RocksDB's log format (a write-ahead log, a manifest) ends.
//
// Such a file is a run of batches, each synced before the next is written, so what a crash leaves half written can only
// be the last one: cut short, or with pages that never reached the disk and read as zeros. RocksDB takes more for a
// crash than that: a length with a flipped bit that points behind the end of the file makes it drop, silently, all that
// follows.
struct LogFileEnd {
  enum Kind {
    kWhole,    // all of it is sound
    kTorn,     // what follows sound_bytes is a batch that a crash left half written
    kDamaged,  // what follows sound_bytes has been changed after it was written
  };
  Kind kind;
  size_t sound_bytes;  // of whole batches
};

// Looks through all of `file`. A batch that was damaged in just the way in which a crash tears one cannot be told from
// it: the last one, cut short at the end of the file or with pages zeroed. Any thread.
LogFileEnd CheckLogFile(absl::string_view file);

}  // namespace atrium
