#include "tests/support/deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace atrium {
namespace {

constexpr absl::string_view kTail("\x00\x00\xff\xff", 4);

Bytef* Bytes(const char* data) { return reinterpret_cast<Bytef*>(const_cast<char*>(data)); }

}  // namespace

std::string DeflateMessage(absl::string_view message) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, message.size()) + 16, '\0');
  stream.next_in = Bytes(message.data());
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = Bytes(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_EQ(absl::string_view(out).substr(out.size() - kTail.size()), kTail);
  out.resize(out.size() - kTail.size());
  return out;
}

std::string InflateMessage(absl::string_view compressed) {
  std::string in(compressed);
  in.append(kTail.data(), kTail.size());
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -MAX_WBITS), Z_OK);
  std::string out;
  stream.next_in = Bytes(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  char chunk[4096];
  int result = Z_OK;
  do {
    stream.next_out = Bytes(chunk);
    stream.avail_out = sizeof(chunk);
    result = inflate(&stream, Z_SYNC_FLUSH);
    out.append(chunk, sizeof(chunk) - stream.avail_out);
  } while (result == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
  inflateEnd(&stream);
  if (result == Z_OK || result == Z_BUF_ERROR) return out;
  ADD_FAILURE() << "a compressed message is broken: " << result;
  return "";
}

}  // namespace atrium
