#include "server/wire/client_frames_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <optional>

#include "atrium/v1/frames.pb.h"

namespace atrium {

std::optional<absl::string_view> ClientFramesReader::Next() {
  using google::protobuf::internal::WireFormatLite;
  constexpr uint32_t kFrameTag =
      WireFormatLite::MakeTag(v1::ClientFrames::kFramesFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  while (!left_.empty() && !broken_) {
    google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(left_.data()),
                                                 static_cast<int>(left_.size()));
    const uint32_t tag = input.ReadTag();
    uint32_t size = 0;
    const bool frame = tag == kFrameTag;
    broken_ = tag == 0 || !(frame ? input.ReadVarint32(&size) : WireFormatLite::SkipField(&input, tag));
    left_.remove_prefix(static_cast<size_t>(input.CurrentPosition()));
    broken_ = broken_ || size > left_.size();
    if (broken_ || !frame) continue;
    const absl::string_view next = left_.substr(0, size);
    left_.remove_prefix(size);
    return next;
  }
  return std::nullopt;
}

}  // namespace atrium
