#include "server/wire/parse_message.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>

namespace atrium {
namespace {

bool Parse(google::protobuf::io::CodedInputStream& in, google::protobuf::MessageLite& message) {
  in.SetRecursionLimit(kMaxMessageDepth);
  return message.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

}  // namespace

bool ParseMessage(absl::string_view bytes, google::protobuf::MessageLite& message) {
  // An array is read faster without a stream around it, and hardly any message is so deep.
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  return Parse(in, message);
}

bool ParseMessage(google::protobuf::io::ZeroCopyInputStream& bytes, google::protobuf::MessageLite& message) {
  google::protobuf::io::CodedInputStream in(&bytes);
  return Parse(in, message);
}

}  // namespace atrium
