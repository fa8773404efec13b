#include "server/http/websocket_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/access/credentials.h"
#include "server/common/errors.h"
#include "server/http/http_head.h"
#include "server/http/websocket_deflate.h"

namespace atrium {
namespace {

constexpr absl::string_view kSubprotocols[] = {"atrium.v1.json", "atrium.v1.proto"};
constexpr absl::string_view kBearerSubprotocol = "atrium.bearer.";
constexpr char kVersion[] = "13";
// This is of RFC 6455 section 1.3.
constexpr char kGuid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Returns the elements of a header that is a list.
std::vector<std::string> Elements(absl::string_view header) {
  std::vector<std::string> elements = absl::StrSplit(header, ',', absl::SkipWhitespace());
  for (std::string& element : elements) absl::StripAsciiWhitespace(&element);
  return elements;
}

bool HasElement(absl::string_view header, const char* wanted) {
  const std::vector<std::string> elements = Elements(header);
  return std::any_of(elements.begin(), elements.end(),
                     [&](const std::string& element) { return absl::EqualsIgnoreCase(element, wanted); });
}

HttpResponse Refuse(int http_status, const char* message) {
  return ErrorResponse(http_status,
                       MakeError(absl::StatusCode::kInvalidArgument, "INVALID_WEBSOCKET_HANDSHAKE", message));
}

bool IsKey(absl::string_view key) {
  std::string bytes;
  return key.size() == 24 && absl::Base64Unescape(key, &bytes) && bytes.size() == 16;
}

// Returns the token that a handshake shows, or the response that refuses two.
std::variant<std::string, HttpResponse> TokenOf(const WebSocketOffer& offer, const std::vector<std::string>& offered) {
  std::string token(BearerToken(offer.authorization));
  for (absl::string_view name : offered) {
    if (!absl::ConsumePrefix(&name, kBearerSubprotocol)) continue;
    if (!token.empty()) return Refuse(400, "a handshake has one token");
    token = std::string(name);
  }
  return token;
}

std::string AcceptKey(absl::string_view key) {
  // SHA1() would look the algorithm up by its name each time.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  const std::string text = absl::StrCat(key, kGuid);
  unsigned char digest[SHA_DIGEST_LENGTH];
  EVP_Digest(text.data(), text.size(), digest, nullptr, sha1, nullptr);
  return absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

}  // namespace

std::variant<WebSocketAnswer, HttpResponse> AnswerWebSocketOffer(const WebSocketOffer& offer) {
  if (!HasElement(offer.upgrade, "websocket") || !HasElement(offer.connection, "upgrade")) {
    HttpResponse refusal = Refuse(426, "a WebSocket handshake is wanted here");
    refusal.headers.emplace_back("Upgrade", "websocket");
    return refusal;
  }
  if (offer.has_body) return Refuse(400, "a WebSocket handshake has no body");
  if (absl::StrContains(offer.version, ',')) return Refuse(400, "Sec-WebSocket-Version must be one version");
  if (offer.version != kVersion) {
    HttpResponse refusal = Refuse(426, "Sec-WebSocket-Version must be 13");
    refusal.headers.emplace_back("Upgrade", "websocket");
    refusal.headers.emplace_back("Sec-WebSocket-Version", kVersion);
    return refusal;
  }
  if (!IsKey(offer.key)) return Refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64");

  absl::StatusOr<std::string> extensions = AnswerDeflateOffers(offer.extensions);
  if (!extensions.ok()) return ErrorResponse(extensions.status());

  WebSocketAnswer answer{.accept = AcceptKey(offer.key), .subprotocol = kSubprotocols[0]};
  if (offer.may_deflate) answer.extensions = *std::move(extensions);
  const std::vector<std::string> offered = Elements(offer.subprotocols);
  auto token = TokenOf(offer, offered);
  if (auto* const refusal = std::get_if<HttpResponse>(&token)) return std::move(*refusal);
  answer.token = std::get<std::string>(std::move(token));
  if (offered.empty()) return answer;
  for (const std::string& name : offered) {
    const auto* const known = std::find(std::begin(kSubprotocols), std::end(kSubprotocols), name);
    if (known == std::end(kSubprotocols)) continue;
    answer.subprotocol = *known;
    answer.offered = true;
    return answer;
  }
  return Refuse(400, "Sec-WebSocket-Protocol must name atrium.v1.json or atrium.v1.proto");
}

std::string AcceptanceOf(const WebSocketAnswer& answer) {
  std::string head = StatusLine(101);
  AppendHeader(head, "Upgrade", "websocket");
  AppendHeader(head, "Connection", "Upgrade");
  AppendHeader(head, "Sec-WebSocket-Accept", answer.accept);
  if (answer.offered) AppendHeader(head, "Sec-WebSocket-Protocol", answer.subprotocol);
  if (!answer.extensions.empty()) AppendHeader(head, "Sec-WebSocket-Extensions", answer.extensions);
  return head += "\r\n";
}

}  // namespace atrium
