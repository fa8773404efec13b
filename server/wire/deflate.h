#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/counter.h"

struct z_stream_s;

namespace atrium {

// Compresses messages as permessage-deflate has them (RFC 7692 section 7.2.1), each by itself: with
// `server_no_context_takeover`, so that one form serves all who get the message. It keeps 256 KiB once it has
// compressed anything. One thread at a time may use it; any thread may call counts().
class Deflater {
 public:
  struct Counts {
    Counter smaller;
    Counter not_smaller;
    Counter nanoseconds;
  };

  // Messages of up to `above` bytes stay as they are; with 0 all do.
  explicit Deflater(size_t above);
  ~Deflater();

  // Returns the compressed payload, valid until the next call. It is empty if the message is too short, or would not
  // become shorter.
  absl::string_view Deflate(absl::string_view message);

  const Counts& counts() const { return counts_; }

 private:
  struct Free {
    void operator()(z_stream_s* stream) const;
  };
  // Returns nothing if it is not shorter.
  absl::string_view Run(absl::string_view message);

  const size_t above_;
  std::unique_ptr<z_stream_s, Free> stream_;
  std::string buffer_;
  Counts counts_;
};

// Reads such messages (RFC 7692 section 7.2.2), with `client_no_context_takeover`. It keeps 40 KiB once it has read
// any. One thread at a time may use it.
class Inflater {
 public:
  Inflater();
  ~Inflater();

  // Returns the message. RESOURCE_EXHAUSTED if it is longer than `max_bytes`, beyond which it is not unpacked;
  // INVALID_ARGUMENT if it is not whole DEFLATE blocks.
  absl::StatusOr<std::string> Inflate(absl::string_view compressed, size_t max_bytes);

 private:
  struct Free {
    void operator()(z_stream_s* stream) const;
  };

  std::unique_ptr<z_stream_s, Free> stream_;
};

// Returns what is in a gzip (RFC 1952), of one member or several. RESOURCE_EXHAUSTED if that is longer than
// `max_bytes`, beyond which it is not unpacked; INVALID_ARGUMENT if it is no gzip, or is broken off or corrupt. It is
// thread-safe.
absl::StatusOr<std::string> Gunzip(absl::string_view compressed, size_t max_bytes);

}  // namespace atrium
