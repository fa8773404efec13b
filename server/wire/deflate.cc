#include "server/wire/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

// This is the fastest level: the slowest gains a fifth more on JSON, and takes four to six times as long.
constexpr int kLevel = 1;
constexpr int kMemory = 8;
// This has zlib leave out its header and checksum, and use the whole window.
constexpr int kRawWindow = -MAX_WBITS;
// This has zlib expect gzip's header and checksum.
constexpr int kGzipWindow = MAX_WBITS + 16;
// RFC 7692 section 7.2.1: a flush ends with these, which are not sent.
constexpr absl::string_view kTail("\x00\x00\xff\xff", 4);
// The buffer for what is compressed is kept if it is no larger than this.
constexpr size_t kKeepBuffer = 64 * 1024;

Bytef* Bytes(const char* data) { return reinterpret_cast<Bytef*>(const_cast<char*>(data)); }

// zlib fails here only without memory, where nothing of ours goes on.
void Require(int result) {
  if (result != Z_OK) std::abort();
}

absl::Status NotDeflate() {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_DEFLATE", "not a compressed message (RFC 7692)");
}

absl::Status NotGzip() {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_GZIP", "not a whole gzip (RFC 1952)");
}

// Unpacks all of `compressed` behind `content`, one stream after the other. Returns whether the last one has ended, or
// `malformed` if there is something that is no stream.
absl::StatusOr<bool> Append(z_stream& stream, absl::string_view compressed, size_t max_bytes, std::string& content,
                            absl::Status (*malformed)()) {
  std::array<char, 16 * 1024> chunk;
  bool ended = false;
  stream.next_in = Bytes(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  do {
    stream.next_out = Bytes(chunk.data());
    stream.avail_out = chunk.size();
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return malformed();
    const size_t size = chunk.size() - stream.avail_out;
    if (size > max_bytes - content.size()) {
      return MakeError(absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE", "the message is too large unpacked");
    }
    if (content.capacity() < content.size() + size) {
      content.reserve(std::min(max_bytes, std::max(content.size() + size, 2 * content.capacity())));
    }
    content.append(chunk.data(), size);
    // Nothing went in and nothing came out: the end is where it was.
    if (result != Z_BUF_ERROR) ended = result == Z_STREAM_END;
    if (ended) Require(inflateReset(&stream));
  } while (stream.avail_in > 0 || stream.avail_out == 0);
  return ended;
}

}  // namespace

Deflater::Deflater(size_t above) : above_(above > 0 ? above : std::numeric_limits<size_t>::max()) {}

Deflater::~Deflater() = default;

void Deflater::Free::operator()(z_stream* stream) const {
  deflateEnd(stream);
  delete stream;
}

absl::string_view Deflater::Deflate(absl::string_view message) {
  // zlib counts in 32 bits.
  if (message.size() <= above_ || message.size() > std::numeric_limits<uInt>::max()) return {};
  const auto start = std::chrono::steady_clock::now();
  const absl::string_view deflated = Run(message);
  counts_.nanoseconds.Add(std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count());
  (deflated.empty() ? counts_.not_smaller : counts_.smaller).Add(1);
  return deflated;
}

absl::string_view Deflater::Run(absl::string_view message) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<z_stream>();
    Require(deflateInit2(stream.get(), kLevel, Z_DEFLATED, kRawWindow, kMemory, Z_DEFAULT_STRATEGY));
    stream_.reset(stream.release());
  } else {
    Require(deflateReset(stream_.get()));
  }
  const size_t size = message.size() + kTail.size() - 1;
  if (buffer_.size() > kKeepBuffer && size <= kKeepBuffer) buffer_ = {};
  if (buffer_.size() < size) buffer_.resize(size);
  stream_->next_in = Bytes(message.data());
  stream_->avail_in = static_cast<uInt>(message.size());
  stream_->next_out = Bytes(buffer_.data());
  stream_->avail_out = static_cast<uInt>(size);
  // What does not end within the message's own length is not shorter.
  if (deflate(stream_.get(), Z_SYNC_FLUSH) != Z_OK || stream_->avail_out == 0) return {};
  return absl::string_view(buffer_).substr(0, size - stream_->avail_out - kTail.size());
}

Inflater::Inflater() = default;

Inflater::~Inflater() = default;

void Inflater::Free::operator()(z_stream* stream) const {
  inflateEnd(stream);
  delete stream;
}

absl::StatusOr<std::string> Inflater::Inflate(absl::string_view compressed, size_t max_bytes) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<z_stream>();
    Require(inflateInit2(stream.get(), kRawWindow));
    stream_.reset(stream.release());
  } else {
    Require(inflateReset(stream_.get()));
  }
  std::string message;
  // A last block is not the end of a message (section 7.2.3.5): more may follow.
  RETURN_IF_ERROR(Append(*stream_, compressed, max_bytes, message, NotDeflate).status());
  RETURN_IF_ERROR(Append(*stream_, kTail, max_bytes, message, NotDeflate).status());
  // zlib sets these bits when it stands between two blocks, at the border of a byte.
  constexpr int kBetweenBlocks = 128;
  constexpr int kUnusedBits = 7;
  if ((stream_->data_type & kBetweenBlocks) == 0 || (stream_->data_type & kUnusedBits) != 0) return NotDeflate();
  return message;
}

absl::StatusOr<std::string> Gunzip(absl::string_view compressed, size_t max_bytes) {
  // zlib counts in 32 bits.
  if (compressed.size() > std::numeric_limits<uInt>::max()) return NotGzip();
  z_stream stream{};
  Require(inflateInit2(&stream, kGzipWindow));
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  std::string content;
  ASSIGN_OR_RETURN(const bool whole, Append(stream, compressed, max_bytes, content, NotGzip));
  if (!whole) return NotGzip();
  return content;
}

}  // namespace atrium
