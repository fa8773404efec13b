#include "server/access/service_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "server/access/yaml_file.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr absl::string_view kPrefix = "atk_";
constexpr size_t kMaxIdBytes = 64;
// Those that stand for 256 bits.
constexpr size_t kRandomCharacters = 43;
constexpr size_t kMaxUnknownIdBytes = 16;

constexpr size_t kMaxKeys = 10'000;
constexpr size_t kMaxKeysOfOneId = 8;
constexpr size_t kMaxScopes = 64;
constexpr size_t kMaxMethods = 64;
constexpr size_t kMaxRooms = 1000;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

bool IsBase64Url(char c) { return IsAlphanumeric(c) || c == '_' || c == '-'; }

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return IsBase64Url(c) || c == '.'; });
}

// Returns the id in a secret; nothing if that is none. The id may itself hold underscores.
std::optional<absl::string_view> IdOf(absl::string_view secret) {
  if (!absl::ConsumePrefix(&secret, kPrefix) || secret.size() <= kRandomCharacters) return std::nullopt;
  const absl::string_view random = secret.substr(secret.size() - kRandomCharacters);
  absl::string_view id = secret.substr(0, secret.size() - kRandomCharacters);
  const bool is_secret = std::all_of(random.begin(), random.end(), IsBase64Url) && absl::ConsumeSuffix(&id, "_");
  return is_secret && IsId(id) ? std::make_optional(id) : std::nullopt;
}

absl::Status Unauthenticated(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

// Returns `text` with a 0 for each digit.
std::string Shape(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }, '0');
  return text;
}

// absl::ParseTime also takes white space, signs, `infinite-future` and more.
bool IsRfc3339(const std::string& text) {
  constexpr absl::string_view kSeconds = "0000-00-00T00:00:00";
  const std::string shape = Shape(text);
  if (shape.size() <= kSeconds.size() || shape.substr(0, kSeconds.size()) != kSeconds) return false;
  absl::string_view rest = absl::string_view(shape).substr(kSeconds.size());
  if (absl::ConsumePrefix(&rest, ".0")) rest.remove_prefix(std::min(rest.find_first_not_of('0'), rest.size()));
  return rest == "Z" || rest == "+00:00" || rest == "-00:00";
}

absl::StatusOr<absl::Time> ReadTime(const YamlNode& node) {
  ASSIGN_OR_RETURN(const std::string text, node.Text());
  absl::Time time;
  std::string error;
  if (IsRfc3339(text) && absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return node.Error("must be a time such as 2027-01-01T00:00:00Z");
}

absl::StatusOr<std::string> ReadId(const YamlNode& node) {
  ASSIGN_OR_RETURN(std::string id, node.Text());
  if (!IsId(id)) return node.Error("must be 1-64 letters, digits, underscores, dots, or hyphens");
  return id;
}

absl::StatusOr<Sha256Digest> ReadDigest(const YamlNode& node) {
  ASSIGN_OR_RETURN(const std::string hex, node.Text());
  Sha256Digest digest;
  const bool is_digest = hex.size() == 2 * digest.size() && std::all_of(hex.begin(), hex.end(), [](char c) {
                           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
                         });
  if (!is_digest) return node.Error("must be 64 hex digits, as sha256sum prints them");
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

absl::StatusOr<std::vector<RoomPattern>> ReadRooms(const YamlNode& node) {
  std::vector<RoomPattern> rooms;
  ASSIGN_OR_RETURN(const std::vector<YamlNode> items, node.List(1, kMaxRooms));
  for (const YamlNode& item : items) {
    ASSIGN_OR_RETURN(const std::string text, item.Text());
    absl::StatusOr<RoomPattern> room = RoomPattern::Parse(item.path(), text);
    if (!room.ok()) return item.WithLine(room.status());
    rooms.push_back(*std::move(room));
  }
  return rooms;
}

}  // namespace

// Reads one file.
class ServiceKeys::Reader {
 public:
  Reader(ServiceKeys& keys, absl::Span<const absl::string_view> methods) : keys_(keys), methods_(methods) {}

  absl::Status ReadFile(const YamlNode& file) {
    ASSIGN_OR_RETURN(const YamlMembers members, file.Members({"keys"}));
    ASSIGN_OR_RETURN(const YamlNode list, members.Get("keys"));
    ASSIGN_OR_RETURN(const std::vector<YamlNode> items, list.List(0, kMaxKeys));
    for (const YamlNode& item : items) RETURN_IF_ERROR(ReadKey(item));
    return absl::OkStatus();
  }

 private:
  absl::Status ReadKey(const YamlNode& node) {
    ASSIGN_OR_RETURN(const YamlMembers members, node.Members({"id", "sha256", "scopes", "expires"}));
    ASSIGN_OR_RETURN(const YamlNode id_node, members.Get("id"));
    ASSIGN_OR_RETURN(const std::string id, ReadId(id_node));
    ASSIGN_OR_RETURN(const YamlNode digest_node, members.Get("sha256"));
    ASSIGN_OR_RETURN(const Sha256Digest digest, ReadDigest(digest_node));
    const auto [former, is_new] = places_.emplace(digest, node.path());
    if (!is_new) return digest_node.Error(absl::StrCat("must be another than that of ", former->second));

    ServiceIdentity identity{.subject = absl::StrCat("key:", id)};
    ASSIGN_OR_RETURN(const YamlNode scopes, members.Get("scopes"));
    RETURN_IF_ERROR(ReadScopes(scopes, identity));
    if (const std::optional<YamlNode> expires = members.Find("expires")) {
      ASSIGN_OR_RETURN(identity.expires, ReadTime(*expires));
    }

    std::vector<Key>& same_id = keys_.keys_[id];
    if (same_id.size() == kMaxKeysOfOneId) {
      return id_node.Error(absl::StrCat("must not be that of more than ", kMaxKeysOfOneId, " keys"));
    }
    same_id.push_back({digest, std::make_shared<const ServiceIdentity>(std::move(identity))});
    keys_.identities_.push_back(same_id.back().identity);
    return absl::OkStatus();
  }

  absl::Status ReadScopes(const YamlNode& node, ServiceIdentity& identity) const {
    ASSIGN_OR_RETURN(const std::vector<YamlNode> items, node.List(1, kMaxScopes));
    for (const YamlNode& item : items) {
      ASSIGN_OR_RETURN(const YamlMembers members, item.Members({"methods", "rooms"}));
      ASSIGN_OR_RETURN(ServiceScope scope, ReadScope(members));
      identity.scopes.push_back(std::move(scope));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ServiceScope> ReadScope(const YamlMembers& members) const {
    ServiceScope scope;
    ASSIGN_OR_RETURN(const YamlNode methods, members.Get("methods"));
    ASSIGN_OR_RETURN(const std::vector<YamlNode> items, methods.List(1, kMaxMethods));
    for (const YamlNode& item : items) {
      ASSIGN_OR_RETURN(std::string method, ReadMethod(item));
      scope.methods.push_back(std::move(method));
    }
    if (const std::optional<YamlNode> rooms = members.Find("rooms")) {
      ASSIGN_OR_RETURN(scope.rooms, ReadRooms(*rooms));
    }
    return scope;
  }

  // A method that is misspelt would be refused to who needs it, so it is found here.
  absl::StatusOr<std::string> ReadMethod(const YamlNode& node) const {
    ASSIGN_OR_RETURN(std::string text, node.Text());
    const ServiceScope scope{.methods = {text}};
    const bool known = std::any_of(methods_.begin(), methods_.end(), [&](absl::string_view method) {
      return scope.Allows(method, /*room_id=*/"", /*typed=*/false);
    });
    if (known) return text;
    const std::string all = absl::StrJoin(methods_, ", ");
    return node.Error(absl::StrCat("matches no method; methods are ", Excerpt(all, kMaxMessageBytes / 2)));
  }

  ServiceKeys& keys_;
  const absl::Span<const absl::string_view> methods_;
  // Where each digest stands.
  absl::flat_hash_map<Sha256Digest, std::string> places_;
};

absl::StatusOr<ServiceKeys> ServiceKeys::Parse(absl::string_view yaml, absl::Span<const absl::string_view> methods) {
  ASSIGN_OR_RETURN(const YamlNode file, YamlNode::Parse(yaml));
  ServiceKeys keys;
  RETURN_IF_ERROR(Reader(keys, methods).ReadFile(file));
  return keys;
}

bool ServiceKeys::LooksLikeKey(absl::string_view text) { return absl::StartsWith(text, kPrefix); }

absl::StatusOr<std::shared_ptr<const ServiceIdentity>> ServiceKeys::Find(absl::string_view secret,
                                                                         absl::Time now) const {
  const std::optional<absl::string_view> id = IdOf(secret);
  if (!id) return Unauthenticated("MALFORMED", "a service key is atk_, its id, _ and 43 characters of base64url");
  const Sha256Digest digest = Sha256(secret);
  const auto same_id = keys_.find(*id);
  const bool known = same_id != keys_.end();
  std::shared_ptr<const ServiceIdentity> found;
  for (const Key& key : known ? same_id->second : decoys_) {
    if (SameDigest(digest, key.digest)) found = key.identity;
  }
  if (!known) {
    // If it is two secrets in one, the first stands in what seems to be the id: little enough of it is told.
    return Unauthenticated("UNKNOWN_KEY", absl::StrCat("no key has the id ", Excerpt(*id, kMaxUnknownIdBytes)));
  }
  if (!found)
    return Unauthenticated("BAD_SIGNATURE", absl::StrCat("no key with the id ", Excerpt(*id), " has this secret"));
  if (now < found->expires) return found;
  const std::string expired = absl::FormatTime(absl::RFC3339_sec, found->expires, absl::UTCTimeZone());
  return Unauthenticated("EXPIRED", absl::StrCat("the key with the id ", Excerpt(*id), " expired at ", expired));
}

}  // namespace atrium
