// Reads the bytes of a connection as a request, as HttpSession does: head, framing, body, content coding. What is taken
// ends where a second reader, which takes RFC 9112 by its letter, sees its end, and asks for what that reader sees.
#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/http/content_coding.h"
#include "server/http/parsed_request.h"

namespace atrium {
namespace {

constexpr size_t kMaxBody = 10'000;

void Require(bool condition) {
  if (!condition) std::abort();
}

// The values of all fields `name` in a head.
std::vector<std::string> Values(absl::string_view head, absl::string_view name) {
  std::vector<std::string> values;
  for (const absl::string_view line : absl::StrSplit(head, "\r\n")) {
    Require(!absl::StartsWith(line, " ") && !absl::StartsWith(line, "\t"));
    const std::pair<std::string, std::string> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (!absl::EqualsIgnoreCase(field.first, name)) continue;
    values.emplace_back(absl::StripAsciiWhitespace(field.second));
  }
  return values;
}

// A line, which is taken from the front of `bytes`.
absl::string_view TakeLine(absl::string_view& bytes) {
  const size_t end = bytes.find("\r\n");
  Require(end != bytes.npos);
  const absl::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return line;
}

// The content of a chunked body, which is taken from the front of `bytes`.
std::string TakeChunks(absl::string_view& bytes) {
  std::string content;
  for (;;) {
    const absl::string_view line = TakeLine(bytes);
    size_t digits = 0;
    while (digits < line.size() && absl::ascii_isxdigit(line[digits])) ++digits;
    size_t size = 0;
    Require(absl::SimpleHexAtoi(line.substr(0, digits), &size));
    if (size == 0) break;
    Require(size <= bytes.size());
    absl::StrAppend(&content, bytes.substr(0, size));
    bytes.remove_prefix(size);
    Require(TakeLine(bytes).empty());
  }
  while (!TakeLine(bytes).empty()) {
  }
  return content;
}

void CheckHead(absl::string_view head) {
  const size_t hosts = Values(head, "Host").size();
  const bool http_1_1 = absl::EndsWith(head.substr(0, head.find("\r\n")), " HTTP/1.1");
  Require(http_1_1 ? hosts == 1 : hosts <= 1);
  const std::vector<std::string> codings = Values(head, "Transfer-Encoding");
  const size_t lengths = Values(head, "Content-Length").size();
  Require(lengths <= 1 && codings.size() <= (http_1_1 && lengths == 0 ? 1 : 0));
  Require(codings.empty() || absl::EqualsIgnoreCase(codings[0], "chunked"));
}

// What a request line asks for: its target without the scheme and authority of a URL.
std::string TargetByTheLetter(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  Require(words.size() == 3 && words[0] != "CONNECT" && !absl::StrContains(words[1], '#'));
  if (absl::StartsWith(words[1], "/")) return std::string(words[1]);
  if (words[1] == "*" && words[0] == "OPTIONS") return "*";
  const std::pair<std::string, std::string> url = absl::StrSplit(words[1], absl::MaxSplits("://", 1));
  const std::string scheme = absl::AsciiStrToLower(url.first);
  Require(scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss");
  size_t end = 0;
  while (end < url.second.size() && url.second[end] != '/' && url.second[end] != '?') ++end;
  Require(end > 0 && !absl::StrContains(url.second.substr(0, end), '@'));
  const std::string path = url.second.substr(end);
  return absl::StartsWith(path, "/") ? path : "/" + path;
}

// The body of the request at the front of `bytes`, and how long the request is, with the empty lines before it.
std::pair<std::string, size_t> ReadByTheLetter(absl::string_view bytes) {
  absl::string_view rest = bytes;
  while (absl::ConsumePrefix(&rest, "\r\n")) {
  }
  const absl::string_view head = rest.substr(0, rest.find("\r\n\r\n") + 4);
  CheckHead(head);
  rest.remove_prefix(head.size());
  std::string body;
  if (!Values(head, "Transfer-Encoding").empty()) {
    body = TakeChunks(rest);
  } else if (const std::vector<std::string> lengths = Values(head, "Content-Length"); !lengths.empty()) {
    size_t size = 0;
    Require(absl::SimpleAtoi(lengths[0], &size) && size <= rest.size());
    body = std::string(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return {body, bytes.size() - rest.size()};
}

void Check(absl::string_view bytes) {
  RequestParser parser;
  parser.body_limit(kMaxBody);
  boost::beast::error_code error;
  const size_t skipped = EmptyLines(bytes);
  const absl::string_view request_bytes = bytes.substr(skipped);
  size_t size = parser.put(boost::asio::buffer(request_bytes.data(), request_bytes.size()), error);
  if (error || !CheckFraming(request_bytes.substr(0, size), parser.get()).ok()) return;
  HttpRequest request = ToHttpRequest(parser.get());
  Require(request.target == TargetByTheLetter(request_bytes.substr(0, request_bytes.find("\r\n"))));
  parser.eager(true);
  if (!parser.is_done())
    size += parser.put(boost::asio::buffer(request_bytes.data() + size, request_bytes.size() - size), error);
  if (error || !parser.is_done()) return;
  Require(ReadByTheLetter(bytes) == std::pair(parser.get().body(), skipped + size));

  request.body = std::move(parser.get().body());
  const std::optional<HttpResponse> refusal = DecodeContent(request, kMaxBody);
  if (refusal) Require(refusal->status == 400 || refusal->status == 413 || refusal->status == 415);
  Require(request.body.size() <= kMaxBody);
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
