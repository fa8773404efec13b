#pragma once

#include <google/protobuf/io/zero_copy_stream.h>
#include <google/protobuf/message_lite.h>

#include "absl/strings/string_view.h"

namespace atrium {

// Messages of a request nest this deep at most. Protobuf's own limit of 100 is used up by values of 33 levels, as a
// level may be three messages (google.protobuf.Value, Struct and its entry), and would hide the rule of kMaxJsonDepth
// behind a failure to parse. This leaves room for values of 200 levels, and is far from the end of a thread's stack.
inline constexpr int kMaxMessageDepth = 3 * 200 + 8;

// Read all of a serialised message. Return false if it is none, has a string that is not UTF-8, or nests deeper than
// kMaxMessageDepth; `message` is then unspecified.
bool ParseMessage(absl::string_view bytes, google::protobuf::MessageLite& message);
bool ParseMessage(google::protobuf::io::ZeroCopyInputStream& bytes, google::protobuf::MessageLite& message);

}  // namespace atrium
