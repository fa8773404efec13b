#pragma once

#include "absl/strings/string_view.h"

namespace atrium {

// What an observer's frames become.
enum class ReaderKind {
  kGrpc,              // a stream of ServerFrames
  kServerSentEvents,  // text/event-stream
  kJsonLines,         // a ServerFrame as JSON on each line
};
inline constexpr int kReaderKinds = 3;

// Returns "grpc", "sse" or "ndjson".
inline absl::string_view ReaderName(ReaderKind kind) {
  switch (kind) {
    case ReaderKind::kGrpc: return "grpc";
    case ReaderKind::kServerSentEvents: return "sse";
    case ReaderKind::kJsonLines: return "ndjson";
  }
  return "";
}

}  // namespace atrium
