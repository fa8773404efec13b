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

// The fastest: the slowest gains a fifth more on JSON, and takes four to six times as long.
constexpr int kLevel = 1;
constexpr int kMemory = 8;
// Without zlib's header and checksum, and with the whole window.
constexpr int kRawWindow = -MAX_WBITS;
// RFC 7692 section 7.2.1: a flush ends with these, which are not sent.
constexpr absl::string_view kTail("\x00\x00\xff\xff", 4);
// Of the buffer that what is compressed lies in; a larger one is given back.
constexpr size_t kKeepBuffer = 64 * 1024;

Bytef* Bytes(const char* data) { return reinterpret_cast<Bytef*>(const_cast<char*>(data)); }

// zlib fails here only without memory, where nothing of ours goes on.
void Require(int result) {
  if (result != Z_OK) std::abort();
}

absl::Status NotDeflate() {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_DEFLATE", "not a compressed message (RFC 7692)");
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
  RETURN_IF_ERROR(Append(compressed, max_bytes, message));
  RETURN_IF_ERROR(Append(kTail, max_bytes, message));
  // Between two blocks, at the border of a byte.
  constexpr int kBetweenBlocks = 128;
  constexpr int kUnusedBits = 7;
  if ((stream_->data_type & kBetweenBlocks) == 0 || (stream_->data_type & kUnusedBits) != 0) return NotDeflate();
  return message;
}

absl::Status Inflater::Append(absl::string_view compressed, size_t max_bytes, std::string& message) {
  std::array<char, 16 * 1024> chunk;
  stream_->next_in = Bytes(compressed.data());
  stream_->avail_in = static_cast<uInt>(compressed.size());
  do {
    stream_->next_out = Bytes(chunk.data());
    stream_->avail_out = chunk.size();
    const int result = inflate(stream_.get(), Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return NotDeflate();
    const size_t size = chunk.size() - stream_->avail_out;
    if (size > max_bytes - message.size()) {
      return MakeError(absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE", "the message is too large unpacked");
    }
    if (message.capacity() < message.size() + size) {
      message.reserve(std::min(max_bytes, std::max(message.size() + size, 2 * message.capacity())));
    }
    message.append(chunk.data(), size);
    // A last block is not the end of a message: section 7.2.3.5.
    if (result == Z_STREAM_END) Require(inflateReset(stream_.get()));
  } while (stream_->avail_in > 0 || stream_->avail_out == 0);
  return absl::OkStatus();
}

}  // namespace atrium
