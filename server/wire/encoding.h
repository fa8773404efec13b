#pragma once

#include <cstdint>
#include <iterator>

#include "absl/strings/string_view.h"

namespace atrium {

class Deflater;

// The language that a frame is written in.
enum class Form : uint8_t { kJson, kProto };

// What stands around a frame.
enum class Framing : uint8_t {
  kTextMessage,    // a text message of a WebSocket
  kBinaryMessage,  // a binary message of a WebSocket
  kServerFrames,   // a ServerFrames of this one frame; several in a row are a valid ServerFrames
  kBare,           // nothing
};
constexpr bool IsWebSocketMessage(Framing framing) {
  return framing == Framing::kTextMessage || framing == Framing::kBinaryMessage;
}

// How frames lie on a connection: the table below says what each is.
enum class Encoding : uint8_t {
  kWebSocketJson,
  kWebSocketProto,
  kGrpc,
  // These are the first two, for clients that take compressed messages too.
  kDeflatedJson,
  kDeflatedProto,
  // This is for readers that follow a room over HTTP.
  kBareJson,
};

struct EncodingTraits {
  Encoding encoding;
  Form form;
  Framing framing;
  // Whether messages may be compressed, where that makes them shorter.
  bool deflated;
  // A frame is kept in this encoding for that one: every connection of a deflated encoding also takes plain messages,
  // and a bare frame is a part of a framed one.
  Encoding stored_as;
  const char* transport_name;
};

// The index is the encoding.
inline constexpr EncodingTraits kEncodingTable[] = {
    {Encoding::kWebSocketJson, Form::kJson, Framing::kTextMessage, /*deflated=*/false, Encoding::kWebSocketJson,
     "websocket-json"},
    {Encoding::kWebSocketProto, Form::kProto, Framing::kBinaryMessage, /*deflated=*/false, Encoding::kWebSocketProto,
     "websocket-proto"},
    {Encoding::kGrpc, Form::kProto, Framing::kServerFrames, /*deflated=*/false, Encoding::kGrpc, "grpc"},
    {Encoding::kDeflatedJson, Form::kJson, Framing::kTextMessage, /*deflated=*/true, Encoding::kWebSocketJson,
     "websocket-json"},
    {Encoding::kDeflatedProto, Form::kProto, Framing::kBinaryMessage, /*deflated=*/true, Encoding::kWebSocketProto,
     "websocket-proto"},
    {Encoding::kBareJson, Form::kJson, Framing::kBare, /*deflated=*/false, Encoding::kWebSocketJson, "http"},
};
inline constexpr int kEncodings = static_cast<int>(std::size(kEncodingTable));
// The encodings that frames are kept in stand first.
inline constexpr int kStoredEncodings = 3;

constexpr const EncodingTraits& TraitsOf(Encoding encoding) { return kEncodingTable[static_cast<int>(encoding)]; }
constexpr Form FormOf(Encoding encoding) { return TraitsOf(encoding).form; }
constexpr bool IsDeflated(Encoding encoding) { return TraitsOf(encoding).deflated; }
constexpr Encoding StoredAs(Encoding encoding) { return TraitsOf(encoding).stored_as; }
// Returns "websocket-json", "websocket-proto", "grpc" or "http".
constexpr absl::string_view TransportName(Encoding encoding) { return TraitsOf(encoding).transport_name; }

// Returns the encoding of a WebSocket.
constexpr Encoding WebSocketEncoding(Form form, bool deflated) {
  for (const EncodingTraits& traits : kEncodingTable) {
    if (IsWebSocketMessage(traits.framing) && traits.form == form && traits.deflated == deflated) {
      return traits.encoding;
    }
  }
  return Encoding::kWebSocketJson;
}

constexpr unsigned BitOf(Encoding encoding) { return 1u << static_cast<int>(encoding); }
constexpr unsigned BitsOf(Form form) {
  unsigned bits = 0;
  for (const EncodingTraits& traits : kEncodingTable) bits |= traits.form == form ? BitOf(traits.encoding) : 0;
  return bits;
}
constexpr unsigned DeflatedBits() {
  unsigned bits = 0;
  for (const EncodingTraits& traits : kEncodingTable) bits |= traits.deflated ? BitOf(traits.encoding) : 0;
  return bits;
}

// The encodings that a frame is made in. With each encoding goes the one that it is stored as.
class EncodingSet {
 public:
  // Without a `deflater`, a frame is made in no deflated encoding, but only in those that these are stored as.
  explicit EncodingSet(Deflater* deflater = nullptr) : deflater_(deflater) {}
  EncodingSet(Encoding encoding, Deflater* deflater = nullptr)  // NOLINT: one encoding is a set.
      : deflater_(deflater) {
    Add(encoding);
  }
  void Add(Encoding encoding) { bits_ |= BitOf(encoding) | BitOf(StoredAs(encoding)); }
  void Clear() { bits_ = 0; }
  bool empty() const { return bits_ == 0; }
  bool Has(Encoding encoding) const { return (bits_ & BitOf(encoding)) != 0; }
  bool Has(Form form) const {
    constexpr unsigned kBits[] = {BitsOf(Form::kJson), BitsOf(Form::kProto)};
    return (bits_ & kBits[static_cast<int>(form)]) != 0;
  }
  // Returns null if nothing is to be deflated.
  Deflater* deflater() const {
    constexpr unsigned kDeflated = DeflatedBits();
    return (bits_ & kDeflated) != 0 ? deflater_ : nullptr;
  }

 private:
  uint8_t bits_ = 0;
  Deflater* deflater_;
};

}  // namespace atrium
